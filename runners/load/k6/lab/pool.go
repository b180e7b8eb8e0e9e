package lab

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"datapath-lab/runners/k6/wire"
)

// expiryInterval is how often requests are looked through for those that have waited too long.
const expiryInterval = 20 * time.Millisecond

// pool sends requests over a fixed number of connections, one at a time on each. A request that finds no connection idle
// waits in a queue without bounds, in order of arrival; one that finds several takes the one that has been idle longest.
// So a stalled server holds up connections and the queue, never the caller.
type pool struct {
	load    Load
	address string
	request []byte

	counters   wire.Counters
	reconnects atomic.Int64

	mutex       sync.Mutex
	log         *log
	members     []*member
	idle        fifo[*member]
	queue       fifo[*record]
	open        int
	outstanding int
	ended       bool
	waiters     []chan struct{}

	context context.Context
	cancel  context.CancelFunc
}

func newPool(load Load) (*pool, error) {
	if err := load.validate(); err != nil {
		return nil, err
	}
	address, request, err := wire.Request(load.URL, load.Headers)
	if err != nil {
		return nil, err
	}
	p := &pool{load: load, address: address, request: request, log: newLog(load.ticks())}
	p.context, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// connect opens all connections and has one good answer on each, or fails.
func (p *pool) connect() error {
	p.members = make([]*member, p.load.Connections)
	failures := make(chan error, len(p.members))
	for i := range p.members {
		m := &member{pool: p}
		p.members[i] = m
		go func() { failures <- m.open() }()
	}
	var first error
	failed := 0
	for range p.members {
		if err := <-failures; err != nil {
			first = cmp.Or(first, err)
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d connections could not be opened: %w", failed, len(p.members), first)
	}
	p.open = len(p.members)
	for _, m := range p.members {
		p.idle.push(m)
		go m.run()
	}
	go p.expire()
	return nil
}

// get records an arrival and returns at once. Arrivals beyond the load's last tick are ignored.
func (p *pool) get() {
	p.mutex.Lock()
	if p.ended || p.log.length >= p.load.ticks() {
		p.mutex.Unlock()
		return
	}
	r := p.log.add(p.log.now())
	p.outstanding++
	m, idle := p.idle.pop()
	if !idle {
		p.queue.push(r)
		p.mutex.Unlock()
		return
	}
	m.current = r
	conn := m.conn
	p.mutex.Unlock()
	m.send(conn)
}

// next gives an idle member the oldest request that waits, or puts it among the idle ones. The mutex is held.
func (p *pool) next(m *member) bool {
	r, waiting := p.queue.pop()
	if !waiting {
		p.idle.push(m)
		return false
	}
	m.current = r
	return true
}

// settle ends a request. The mutex is held.
func (p *pool) settle(r *record, end time.Duration, how outcome) {
	r.end, r.outcome = end, how
	p.outstanding--
	p.wake()
}

// settled is closed once every tick has arrived (or no more will) and every arrival has ended.
func (p *pool) settled() <-chan struct{} {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	waiter := make(chan struct{})
	p.waiters = append(p.waiters, waiter)
	p.wake()
	return waiter
}

func (p *pool) wake() {
	if p.outstanding > 0 || (!p.ended && p.log.length < p.load.ticks()) {
		return
	}
	for _, waiter := range p.waiters {
		close(waiter)
	}
	p.waiters = nil
}

// drain takes no more arrivals, waits until all have ended, gives up those that have not by then, and closes all
// connections.
func (p *pool) drain(timeout time.Duration) {
	p.mutex.Lock()
	p.ended = true
	p.mutex.Unlock()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.settled():
	case <-timer.C:
	}
	p.cancel()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.giveUp(p.log.now(), 0)
	for _, m := range p.members {
		_ = m.conn.Close()
	}
}

// expire gives up, until the pool is drained, what has waited for longer than the load's timeout.
func (p *pool) expire() {
	ticker := time.NewTicker(expiryInterval)
	defer ticker.Stop()
	for {
		select {
		case <-p.context.Done():
			return
		case <-ticker.C:
			p.mutex.Lock()
			p.giveUp(p.log.now(), p.load.timeout())
			p.mutex.Unlock()
		}
	}
}

// giveUp ends as timed out what arrived at least `age` ago, on the wire (whose connection is lost with it) and in the
// queue. The mutex is held.
func (p *pool) giveUp(now, age time.Duration) {
	for _, m := range p.members {
		if m.current != nil && now-m.current.arrival >= age {
			p.settle(m.current, now, timedOut)
			m.current = nil
			_ = m.conn.Close()
		}
	}
	for r, waiting := p.queue.peek(); waiting && now-r.arrival >= age; r, waiting = p.queue.peek() {
		p.queue.pop()
		p.settle(r, now, timedOut)
	}
}

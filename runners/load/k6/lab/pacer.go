package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"
	"unsafe"

	"datapath-lab/runners/k6/wire"
	"golang.org/x/sys/unix"
)

// pacer is the timetable and all connections of a Pace in the hands of one thread: nothing is locked and nobody is woken.
// It does with connections and requests what the pool does: one request at a time on each, the one idle longest first, and
// a queue without bounds, in order of arrival, where none is idle.
type pacer struct {
	load    Load
	spin    time.Duration
	address *net.TCPAddr
	request []byte

	counters   wire.Counters
	reconnects int64

	log         *log
	sockets     []*pacedConn
	idle        fifo[*pacedConn]
	queue       fifo[*record]
	open        int
	outstanding int

	poll    int
	events  [128]unix.EpollEvent
	timeout unix.Timespec
}

const (
	// ahead is the time between the last preparation and the first arrival.
	ahead = 5 * time.Millisecond
	// queueRoom is how many requests wait before the queue has to grow.
	queueRoom = 8192
)

func newPacer(pace Pace) (*pacer, error) {
	address, request, err := wire.Request(pace.URL, pace.Headers)
	if err != nil {
		return nil, err
	}
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	p := &pacer{
		load:    pace.Load,
		spin:    pace.spin(),
		address: resolved,
		request: request,
		log:     newLog(pace.ticks()),
		queue:   fifo[*record]{ring: make([]*record, queueRoom)},
	}
	for i := range pace.Connections {
		p.sockets = append(p.sockets, &pacedConn{Socket: wire.NewSocket(&p.counters), index: int32(i)})
	}
	return p, nil
}

// run sends the whole load and waits for the last answers. It tells when the timetable starts.
func (p *pacer) run(ctx context.Context, started chan<- time.Time) error {
	// Not unlocked: the thread ends with the goroutine, and its timer slack with it.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return err
	}
	var err error
	if p.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(p.poll)
	defer func() {
		for _, s := range p.sockets {
			s.Close()
		}
	}()
	if err := p.connect(ctx); err != nil {
		return err
	}
	start := p.log.now() + ahead
	started <- p.log.base.Add(start)
	return p.keep(ctx, start)
}

// connect opens all connections and has one good answer on each, or fails.
func (p *pacer) connect(ctx context.Context) error {
	for _, s := range p.sockets {
		p.dial(s)
	}
	for deadline := p.log.now() + p.load.timeout(); ; {
		failed, first := 0, error(nil)
		for _, s := range p.sockets {
			if s.state == closed {
				failed, first = failed+1, s.failure
			}
		}
		if p.open == len(p.sockets) {
			return nil
		}
		late := p.log.now() > deadline
		if late {
			failed, first = len(p.sockets)-p.open, errors.Join(first, context.DeadlineExceeded)
		}
		if late || p.open+failed == len(p.sockets) {
			return fmt.Errorf("%d of %d connections could not be opened: %s: %w", failed, len(p.sockets), p.load.URL, first)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := p.serve(expiryInterval); err != nil {
			return err
		}
	}
}

// keep has every request arrive when it is due, however late the one before was, and serves connections meanwhile, until
// every request has ended.
func (p *pacer) keep(ctx context.Context, start time.Duration) error {
	for tick, look := 0, start; tick < p.load.ticks() || p.outstanding > 0; {
		now := p.log.now()
		if now >= look {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			p.expire(now)
			p.reopen(now)
			look = now + expiryInterval
		}
		wait := look - now
		if tick < p.load.ticks() {
			due := start + time.Duration(tick)*p.load.period()
			if now >= due {
				p.arrive(now)
				tick++
				continue
			}
			wait = min(wait, due-p.spin-now)
		}
		if err := p.serve(wait); err != nil {
			return err
		}
	}
	return nil
}

// arrive records an arrival, and sends it or has it wait.
func (p *pacer) arrive(now time.Duration) {
	r := p.log.add(now)
	p.outstanding++
	if s, idle := p.idle.pop(); idle {
		p.send(s, r)
	} else {
		p.queue.push(r)
	}
}

func (p *pacer) settle(r *record, how outcome) {
	r.end, r.outcome = p.log.now(), how
	p.outstanding--
}

// expire gives up what has waited for longer than the load's timeout, on the wire (whose connection is lost with it) and in
// the queue.
func (p *pacer) expire(now time.Duration) {
	for _, s := range p.sockets {
		if s.current != nil && now-s.current.arrival >= p.load.timeout() {
			p.lose(s, timedOut, context.DeadlineExceeded)
		}
	}
	for r, waiting := p.queue.peek(); waiting && now-r.arrival >= p.load.timeout(); r, waiting = p.queue.peek() {
		p.queue.pop()
		p.settle(r, timedOut)
	}
}

// serve waits for what happens on connections, not at all where the time is not over 0, and deals with it.
func (p *pacer) serve(wait time.Duration) error {
	p.timeout = unix.NsecToTimespec(int64(max(wait, 0)))
	n, _, failure := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.poll), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), uintptr(unsafe.Pointer(&p.timeout)), 0, 0)
	if failure == unix.EINTR {
		return nil
	}
	if failure != 0 {
		return fmt.Errorf("epoll_pwait2: %w", failure)
	}
	for _, event := range p.events[:n] {
		switch s := p.sockets[event.Fd]; s.state {
		case opening:
			p.opened(s)
		case greeting, opened:
			p.receive(s)
		}
	}
	return nil
}

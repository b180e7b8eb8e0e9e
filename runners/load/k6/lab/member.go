package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"datapath-lab/runners/k6/wire"
)

// Pauses between attempts to open a connection again.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 200 * time.Millisecond
)

// member is one of a pool's connections and the goroutine that reads it. `current` is the request on the wire, nil
// while the connection is idle or closed; the pool's mutex guards it and `conn`.
type member struct {
	pool    *pool
	conn    *wire.Conn
	current *record
}

// open opens the connection and has one good answer on it.
func (m *member) open() error {
	conn, err := m.dial()
	if err != nil {
		return err
	}
	m.conn = conn
	stop := time.AfterFunc(m.pool.load.timeout(), func() { _ = conn.Close() })
	defer stop.Stop()
	if err := conn.Send(m.pool.request); err != nil {
		return err
	}
	answer, err := conn.Receive(nil)
	if err != nil {
		return fmt.Errorf("%s: the first request on a connection had no good answer: %w", m.pool.load.URL, err)
	}
	if how := m.judge(answer); how != answered {
		return fmt.Errorf("%s: the first answer on a connection had status %d and a body of %d bytes, not %d and %d",
			m.pool.load.URL, answer.Status, answer.BodyBytes, http.StatusOK, m.pool.load.BodyBytes)
	}
	return nil
}

// run reads answers, sends what waits, and opens the connection again when it breaks, until the pool is drained.
func (m *member) run() {
	for m.serve() {
	}
}

// serve uses the connection until it breaks and returns with a new one, or false when the pool is drained.
func (m *member) serve() bool {
	conn := m.conn
	for {
		answer, err := conn.Receive(nil)
		next, usable := m.received(answer, err)
		if !usable {
			_ = conn.Close()
			return m.reopen()
		}
		if next {
			m.send(conn)
		}
	}
}

// received ends the request on the wire and takes the next one. `usable` is false when the connection is not.
func (m *member) received(answer wire.Answer, err error) (next, usable bool) {
	p := m.pool
	p.mutex.Lock()
	defer p.mutex.Unlock()
	now := p.log.now()
	r := m.current
	m.current = nil
	usable = err == nil && r != nil && !answer.Close
	switch {
	case r == nil:
		p.idle.remove(m)
	case errors.Is(err, wire.ErrLength):
		p.settle(r, now, wrongLength)
	case err != nil:
		p.settle(r, now, connectionReset)
	default:
		p.settle(r, now, m.judge(answer))
	}
	if !usable {
		p.open--
		return false, false
	}
	return p.next(m), true
}

func (m *member) judge(answer wire.Answer) outcome {
	switch {
	case answer.Status != http.StatusOK:
		return wrongStatus
	case answer.BodyBytes != m.pool.load.BodyBytes:
		return wrongLength
	default:
		return answered
	}
}

// reopen tries until it has a connection, then takes the next request. While the pool has none at all, each failed
// attempt ends what waits. False when the pool is drained.
func (m *member) reopen() bool {
	p := m.pool
	for pause := firstPause; p.context.Err() == nil; pause = min(2*pause, longestPause) {
		conn, err := m.dial()
		if err == nil {
			return m.reopened(conn)
		}
		p.mutex.Lock()
		if p.open == 0 {
			for r, waiting := p.queue.pop(); waiting; r, waiting = p.queue.pop() {
				p.settle(r, p.log.now(), notConnected)
			}
		}
		p.mutex.Unlock()
		select {
		case <-time.After(pause):
		case <-p.context.Done():
		}
	}
	return false
}

func (m *member) reopened(conn *wire.Conn) bool {
	p := m.pool
	p.reconnects.Add(1)
	p.mutex.Lock()
	m.conn = conn
	if p.context.Err() != nil {
		p.mutex.Unlock()
		_ = conn.Close()
		return false
	}
	p.open++
	next := p.next(m)
	p.mutex.Unlock()
	if next {
		m.send(conn)
	}
	return true
}

func (m *member) dial() (*wire.Conn, error) {
	ctx, cancel := context.WithTimeout(m.pool.context, m.pool.load.timeout())
	defer cancel()
	return wire.Dial(ctx, m.pool.address, &m.pool.counters)
}

// send puts the request on the wire. Where that fails, the reading side finds out and ends it.
func (m *member) send(conn *wire.Conn) {
	if conn.Send(m.pool.request) != nil {
		_ = conn.Close()
	}
}

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"datapath-lab/runners/k6/wire"
	"golang.org/x/sys/unix"
)

// pacedConn is one of a pacer's connections.
type pacedConn struct {
	*wire.Socket
	index int32
	state state
	// current is the request on the wire.
	current *record
	// at is when a closed one is opened again, and when one that opens is given up.
	at, pause time.Duration
	// failure is why it was closed last.
	failure error
}

type state uint8

const (
	closed state = iota
	opening
	// greeting is before the first answer of all, which nobody measures.
	greeting
	opened
)

var errUnasked = errors.New("it answered what it was not asked")

// dial begins to open a connection.
func (p *pacer) dial(s *pacedConn) {
	s.state, s.at = opening, p.log.now()+p.load.timeout()
	err := s.Open(p.address)
	if err == nil {
		err = unix.EpollCtl(p.poll, unix.EPOLL_CTL_ADD, s.Descriptor, &unix.EpollEvent{Events: unix.EPOLLOUT, Fd: s.index})
	}
	if err != nil {
		p.lose(s, notConnected, err)
	}
}

// opened has a connection greet the server, or take the next request where it is open again.
func (p *pacer) opened(s *pacedConn) {
	err := s.Opened()
	if err == nil {
		err = unix.EpollCtl(p.poll, unix.EPOLL_CTL_MOD, s.Descriptor, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: s.index})
	}
	again := s.failure != nil
	if err == nil && !again {
		s.state = greeting
		err = s.Send(p.request)
	}
	if err != nil {
		p.lose(s, notConnected, err)
		return
	}
	if again {
		p.reconnects++
		p.usable(s)
	}
}

func (p *pacer) usable(s *pacedConn) {
	s.state, s.pause = opened, 0
	p.open++
	p.next(s)
}

// next gives an idle connection the oldest request that waits, or puts it among the idle ones.
func (p *pacer) next(s *pacedConn) {
	if r, waiting := p.queue.pop(); waiting {
		p.send(s, r)
	} else {
		p.idle.push(s)
	}
}

func (p *pacer) send(s *pacedConn, r *record) {
	s.current = r
	r.written = time.Now()
	if err := s.Send(p.request); err != nil {
		p.lose(s, connectionReset, err)
	}
}

// receive takes what has come on a connection.
func (p *pacer) receive(s *pacedConn) {
	answer, whole, err := s.Receive()
	switch {
	case errors.Is(err, wire.ErrLength):
		p.lose(s, wrongLength, err)
	case err != nil:
		p.lose(s, connectionReset, err)
	case whole:
		p.received(s, answer)
	}
}

// received ends the request on the wire and takes the next one.
func (p *pacer) received(s *pacedConn, answer wire.Answer) {
	how := answered
	switch {
	case answer.Status != http.StatusOK:
		how = wrongStatus
	case answer.BodyBytes != p.load.BodyBytes:
		how = wrongLength
	}
	switch {
	case s.state == greeting && how != answered:
		p.lose(s, how, fmt.Errorf("the first answer had status %d and a body of %d bytes, not %d and %d",
			answer.Status, answer.BodyBytes, http.StatusOK, p.load.BodyBytes))
	case s.state == greeting:
		p.usable(s)
	case s.current == nil:
		p.lose(s, connectionReset, errUnasked)
	default:
		r := s.current
		s.current = nil
		r.got = answer.At
		p.settle(r, how)
		if answer.Close {
			p.lose(s, how, io.EOF)
		} else {
			p.next(s)
		}
	}
}

// lose closes a connection, ends its request, and has it opened again: at once where it was open, and later and later where
// that fails. While there is none at all, each attempt that fails ends what waits.
func (p *pacer) lose(s *pacedConn, how outcome, why error) {
	before := s.state
	s.Close()
	s.state, s.failure = closed, why
	if before == opened {
		p.open--
		p.idle.remove(s)
	}
	if r := s.current; r != nil {
		s.current = nil
		p.settle(r, how)
	}
	if before == opened {
		p.dial(s)
	}
	if before != opening {
		return
	}
	s.at = p.log.now() + s.pause
	s.pause = min(max(2*s.pause, firstPause), longestPause)
	if p.open == 0 {
		for r, waiting := p.queue.pop(); waiting; r, waiting = p.queue.pop() {
			p.settle(r, notConnected)
		}
	}
}

// reopen gives up what takes too long to open, and opens what is closed.
func (p *pacer) reopen(now time.Duration) {
	for _, s := range p.sockets {
		if s.state == opening && now >= s.at {
			p.lose(s, notConnected, context.DeadlineExceeded)
		}
		if s.state == closed && now >= s.at {
			p.dial(s)
		}
	}
}

package lab

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"datapath-lab/runners/pacemaker"
)

// session is what this process is doing: one load, shared by all virtual users, and its events. It lives as long as the
// process, which runs one script.
type session struct {
	events events

	mutex sync.Mutex
	pool  *pool
	drops []time.Time

	begun   atomic.Bool
	start   time.Time
	watched chan struct{}
}

func newSession() *session { return &session{watched: make(chan struct{})} }

// client returns the process's pool. Every virtual user asks for it with the same load.
func (s *session) client(load Load) (*pool, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.pool == nil {
		pool, err := newPool(load)
		s.pool = pool
		return pool, err
	}
	if !reflect.DeepEqual(s.pool.load, load) {
		return nil, errors.New("a process has one client: the options must be the same everywhere")
	}
	return s.pool, nil
}

func (s *session) connect(p *pool) error {
	if err := p.connect(); err != nil {
		return err
	}
	return s.events.ready()
}

// get records an arrival of the scenario that started then.
func (s *session) get(p *pool, scenarioStart func() time.Time) {
	p.get()
	if !s.begun.Load() && s.begun.CompareAndSwap(false, true) {
		s.start = scenarioStart()
		go s.watch(p)
		go func() { _ = pacemaker.Keep(p.context, s.start, p.load.period()) }()
	}
}

// watch tells when the measured window begins and ends.
func (s *session) watch(p *pool) {
	defer close(s.watched)
	begin, end := p.load.window()
	if !wait(p, s.start.Add(begin)) {
		return
	}
	_ = s.events.windowBegin(s.start.Add(begin))
	wait(p, s.start.Add(end))
	<-p.settled()
	at := time.Now()
	if earliest := s.start.Add(end); at.Before(earliest) {
		at = earliest
	}
	_ = s.events.windowEnd(at)
}

// wait returns at the given time, or false when the pool was drained before.
func wait(p *pool, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.context.Done():
		return false
	}
}

func (s *session) dropped(at time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.drops = append(s.drops, at)
}

// end tells the result, or why there is none, and ends the stream of events.
func (s *session) end(testError error) error {
	return errors.Join(s.conclude(testError), s.events.close())
}

func (s *session) conclude(testError error) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if testError != nil {
		return s.events.failed(testError)
	}
	if s.pool == nil || !s.begun.Load() {
		return s.events.failed(errors.New("the script sent no request"))
	}
	s.pool.drain(0)
	<-s.watched
	drops := make([]time.Duration, len(s.drops))
	for i, drop := range s.drops {
		drops[i] = drop.Sub(s.pool.log.base)
	}
	return s.events.result(s.pool.result(s.start.Sub(s.pool.log.base), drops))
}

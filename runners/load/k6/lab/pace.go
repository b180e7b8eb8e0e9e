package lab

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// Pace sends a load by a timetable of its own, from one thread that does nothing else: k6's executor hands each iteration
// to a virtual user first, which costs CPU time and punctuality. Connections, requests and what comes of them are the same.
//
// The thread sleeps until shortly before an arrival is due and spins from there: a sleep alone ends some microseconds late,
// more on a virtual machine, whose processor has to be woken first.
type Pace struct {
	Load
	// SpinMicroseconds is how long it spins before each arrival.
	SpinMicroseconds float64 `json:"spinMicroseconds"`
}

const (
	longestPaceSeconds = 600
	mostConnections    = 1000
	longestSpin        = 1000
	// ahead is the time between the last preparation and the first arrival.
	ahead = 5 * time.Millisecond
)

// Validate says what is wrong with it.
func (p Pace) Validate() error {
	if err := p.Load.validate(); err != nil {
		return err
	}
	switch {
	case p.Connections > mostConnections:
		return errors.New("connections must be at most 1000")
	case p.WarmupSeconds+p.DurationSeconds+p.TimeoutMs/1000 > longestPaceSeconds:
		return errors.New("it must not take more than 600 s")
	case !(p.SpinMicroseconds >= 0) || p.SpinMicroseconds > longestSpin:
		return errors.New("spinMicroseconds must be a number from 0 to 1000")
	}
	return nil
}

// Run sends it, and calls back as the measured window begins and ends.
func (p Pace) Run(ctx context.Context, windowBegin, windowEnd func()) (*Result, error) {
	pool, err := newPool(p.Load)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { pool.drain(0) })
	defer stop()
	if err := pool.connect(); err != nil {
		pool.drain(0)
		return nil, err
	}
	// What is needed is there already: nothing has to be collected while time is measured.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	base := pool.log.base
	start := time.Now().Add(ahead)
	begin, end := p.window()
	ended := make(chan error, 1)
	go func() { ended <- p.arrive(ctx, pool, start) }()
	if !wait(pool, start.Add(begin)) {
		return nil, ctx.Err()
	}
	windowBegin()
	wait(pool, start.Add(end))
	err = <-ended
	pool.drain(p.timeout())
	windowEnd()
	if err = errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	return pool.result(start.Sub(base), nil), nil
}

// arrive has every request arrive when it is due, however late the one before was.
func (p Pace) arrive(ctx context.Context, pool *pool, start time.Time) error {
	// Not unlocked: the thread ends with the goroutine, and its timer slack with it.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return err
	}
	spin := time.Duration(p.SpinMicroseconds * float64(time.Microsecond))
	for tick := range p.ticks() {
		due := start.Add(time.Duration(tick) * p.period())
		if left := time.Until(due) - spin; left > 0 {
			nap := unix.NsecToTimespec(int64(left))
			// An interrupted sleep is a longer spin.
			_ = unix.Nanosleep(&nap, nil)
		}
		for time.Until(due) > 0 {
		}
		if ctx.Err() != nil {
			return nil
		}
		pool.get()
	}
	return nil
}

package lab

import (
	"context"
	"errors"
	"runtime/debug"
	"time"
)

// Pace sends a load by a timetable of its own, from one thread that has all connections: k6's executor hands each arrival to
// a virtual user and each answer to a goroutine, which costs CPU time and punctuality. What is sent and what comes of it are
// the same.
//
// The thread sleeps until shortly before an arrival is due and looks for answers without sleeping from there: a sleep ends some
// microseconds late, more on a virtual machine, whose processor has to be woken first.
type Pace struct {
	Load
	// SpinMicroseconds is how long it does without sleep before each arrival, but a twentieth of the time between two at the
	// most: the processor is the data plane's too.
	SpinMicroseconds float64 `json:"spinMicroseconds"`
}

const (
	longestPaceSeconds = 600
	mostConnections    = 1000
	longestSpin        = 1000
	mostSpinning       = 0.05
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

// spin is how long the thread does without sleep before each arrival.
func (p Pace) spin() time.Duration {
	asked := p.SpinMicroseconds * float64(time.Microsecond)
	return time.Duration(min(asked, mostSpinning*float64(p.period())))
}

// Run sends it, and calls back as the measured window begins and ends.
func (p Pace) Run(ctx context.Context, windowBegin, windowEnd func()) (*Result, error) {
	// What is needed is there already: nothing has to be collected while time is measured.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pacer, err := newPacer(p)
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	started := make(chan time.Time, 1)
	go func() { ended <- pacer.run(ctx, started) }()
	select {
	case err := <-ended:
		return nil, err
	case start := <-started:
		begin, _ := p.window()
		select {
		case err := <-ended:
			return nil, err
		case <-time.After(time.Until(start.Add(begin))):
		}
		windowBegin()
		err := <-ended
		windowEnd()
		if err != nil {
			return nil, err
		}
		return conclude(p.Load, pacer.log, totalsOf(&pacer.counters, pacer.reconnects), start.Sub(pacer.log.base), nil), nil
	}
}

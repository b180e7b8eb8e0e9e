// Package pacemaker makes timers of a Go process punctual.
package pacemaker

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// shortestPace bounds what the pacemaker costs. At shorter periods the process hardly sleeps anyway.
const shortestPace = 100 * time.Microsecond

// Keep wakes the process at start + k*period until ctx is done. An idle Go process sleeps in epoll_wait, whose timeout
// is in whole milliseconds, so a Go timer fires up to a millisecond late, together with those that became due meanwhile:
// a load generator sends late, and in bunches. A timerfd is precise to microseconds; when it ends the sleep, the Go
// scheduler finds due timers as well.
func Keep(ctx context.Context, start time.Time, period time.Duration) error {
	for period < shortestPace {
		period *= 2
	}
	descriptor, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("timerfd_create: %w", err)
	}
	timer := os.NewFile(uintptr(descriptor), "timerfd")
	stop := context.AfterFunc(ctx, func() { _ = timer.Close() })
	defer stop()
	first := period - time.Since(start)%period
	err = unix.TimerfdSettime(descriptor, 0, &unix.ItimerSpec{
		Value:    unix.NsecToTimespec(int64(first)),
		Interval: unix.NsecToTimespec(int64(period)),
	}, nil)
	if err != nil {
		_ = timer.Close()
		return fmt.Errorf("timerfd_settime: %w", err)
	}
	expirations := make([]byte, 8)
	for {
		if _, err := timer.Read(expirations); err != nil {
			return nil
		}
	}
}

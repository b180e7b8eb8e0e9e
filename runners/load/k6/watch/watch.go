// Package watch says to the millisecond since when a server can be reached, or can no longer.
package watch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"datapath-lab/runners/pacemaker"
)

// Watch opens a connection to an address every period, and at once breaks it off; a connection that is kept is asked for
// answers beside them, as one that was allowed before.
type Watch struct {
	// Address is `host:port`; on it an HTTP server answers `GET /`.
	Address       string  `json:"address"`
	PeriodSeconds float64 `json:"periodSeconds"`
	// PatienceSeconds is how long an attempt may take. It is less than TCP's first retransmission (1 s): an attempt that
	// was refused must not succeed later.
	PatienceSeconds float64 `json:"patienceSeconds"`
	// LongestSeconds is when the watch ends by itself.
	LongestSeconds float64 `json:"longestSeconds"`
}

// Change is a line of what a watch tells. Event is `open` or `shut` for new connections. Of the one that is kept it is
// `kept` when it has its first answer (which is no measure of a change: TCP's own waiting is in it) and `cut` when it no
// longer gets any. At is CLOCK_MONOTONIC, in seconds, of the first attempt that the change befell.
type Change struct {
	Event string  `json:"event"`
	At    float64 `json:"at"`
}

// settled is how many attempts in a row make a change, so that a lost packet makes none.
const settled = 5

// Validate says what is wrong with it.
func (w Watch) Validate() error {
	if !(w.PeriodSeconds >= 0.0005) || !(w.PatienceSeconds > 0) || w.PatienceSeconds > 0.9 || !(w.LongestSeconds > 0) {
		return errors.New("periodSeconds must be 0.0005 or more, patienceSeconds over 0 and at most 0.9, longestSeconds over 0")
	}
	if _, _, err := net.SplitHostPort(w.Address); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	return nil
}

// Run tells of the state that it finds first, and then of every change, until ctx is done or its time is over.
func Run(ctx context.Context, watch Watch, tell func(Change)) {
	ctx, cancel := context.WithTimeout(ctx, seconds(watch.LongestSeconds))
	defer cancel()
	period, patience := seconds(watch.PeriodSeconds), seconds(watch.PatienceSeconds)
	go func() { _ = pacemaker.Keep(ctx, time.Now(), period) }()
	changes := make(chan Change)
	go attempts(ctx, watch.Address, period, patience, changes)
	go keep(ctx, watch.Address, period, patience, changes)
	for {
		select {
		case <-ctx.Done():
			return
		case change := <-changes:
			tell(change)
		}
	}
}

// attempt is one new connection: when it began, and what became of it.
type attempt struct {
	at   float64
	open chan bool
}

func attempts(ctx context.Context, address string, period, patience time.Duration, changes chan<- Change) {
	// As many as can be under way.
	queue := make(chan attempt, int(patience/period)+1000)
	go judge(ctx, queue, changes)
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	dialer := net.Dialer{Timeout: patience, KeepAlive: -1}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		one := attempt{now(), make(chan bool, 1)}
		go func() {
			conn, err := dialer.DialContext(ctx, "tcp", address)
			if err == nil {
				// Without TIME_WAIT: it would use up all ports in half a minute.
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
			one.open <- err == nil
		}()
		select {
		case queue <- one:
		default:
		}
	}
}

// judge takes attempts in the order in which they began.
func judge(ctx context.Context, queue <-chan attempt, changes chan<- Change) {
	var state *bool
	var candidate bool
	var since float64
	for row := 0; ; {
		var one attempt
		select {
		case <-ctx.Done():
			return
		case one = <-queue:
		}
		open := <-one.open
		if state != nil && open == *state {
			row = 0
			continue
		}
		if row == 0 || open != candidate {
			candidate, since, row = open, one.at, 0
		}
		if row++; row < settled {
			continue
		}
		state, row = &open, 0
		send(ctx, changes, Change{map[bool]string{true: "open", false: "shut"}[open], since})
	}
}

// keep holds a connection and asks on it for one answer after another. After a cut it waits for the next one that opens.
func keep(ctx context.Context, address string, period, patience time.Duration, changes chan<- Change) {
	dialer := net.Dialer{Timeout: patience, KeepAlive: -1}
	request := []byte("GET /?bytes=1 HTTP/1.1\r\nHost: watch\r\n\r\n")
	buffer := make([]byte, 4096)
	for ctx.Err() == nil {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			_ = pause(ctx, period)
			continue
		}
		var at float64
		answered := 0
		for err == nil && pause(ctx, period) == nil {
			at = now()
			_ = conn.SetDeadline(time.Now().Add(patience))
			if _, err = conn.Write(request); err == nil {
				// The answer is short enough to come whole.
				_, err = conn.Read(buffer)
			}
			if answered++; err == nil && answered == 1 {
				send(ctx, changes, Change{"kept", at})
			}
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
		if ctx.Err() == nil && answered > 1 {
			send(ctx, changes, Change{"cut", at})
		}
	}
}

func send(ctx context.Context, changes chan<- Change, change Change) {
	select {
	case <-ctx.Done():
	case changes <- change:
	}
}

func pause(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(duration):
		return nil
	}
}

// now is CLOCK_MONOTONIC, which all processes of a machine share.
func now() float64 {
	var at unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &at)
	return float64(at.Nano()) / 1e9
}

func seconds(value float64) time.Duration { return time.Duration(value * float64(time.Second)) }

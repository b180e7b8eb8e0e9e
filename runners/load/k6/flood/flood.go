// Package flood sends as much as a server takes: closed loops, one for each connection.
package flood

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"datapath-lab/runners/k6/wire"
)

// Flood is what is sent: in each loop a request follows as soon as the one before it has its answer. Reconnect opens a
// connection for each request, which the server closes, so that it is the server that keeps it in TIME_WAIT.
type Flood struct {
	URL             string  `json:"url"`
	Connections     int     `json:"connections"`
	Reconnect       bool    `json:"reconnect"`
	WarmupSeconds   float64 `json:"warmupSeconds"`
	DurationSeconds float64 `json:"durationSeconds"`
	// TimeoutSeconds is how long the last answers are waited for, and the first.
	TimeoutSeconds float64 `json:"timeoutSeconds"`
}

// Result is what was answered within the measured window. Bytes are those of HTTP, heads included.
type Result struct {
	WindowSeconds float64 `json:"windowSeconds"`
	Requests      int64   `json:"requests"`
	BytesReceived int64   `json:"bytesReceived"`
	Failed        int64   `json:"failed"`
	FirstFailure  *string `json:"firstFailure"`
	Totals        Totals  `json:"totals"`
}

// Totals are what all loops sent and received from the first dial to the last answer, as counters on the way see it.
type Totals struct {
	Requests      int64 `json:"requests"`
	Connections   int64 `json:"connections"`
	BytesSent     int64 `json:"bytesSent"`
	BytesReceived int64 `json:"bytesReceived"`
}

const (
	mostConnections = 1000
	longestSeconds  = 600
	// mostFailures ends a loop whose server is not there.
	mostFailures = 100
)

// Validate says what is wrong with it.
func (f Flood) Validate() error {
	switch {
	case f.Connections < 1 || f.Connections > mostConnections:
		return fmt.Errorf("connections must be a whole number from 1 to %d", mostConnections)
	case !(f.DurationSeconds > 0) || !(f.TimeoutSeconds > 0) || !(f.WarmupSeconds >= 0):
		return errors.New("durationSeconds and timeoutSeconds must be over 0, warmupSeconds 0 or more")
	case f.WarmupSeconds+f.DurationSeconds+f.TimeoutSeconds > longestSeconds:
		return fmt.Errorf("it must not take more than %d s", longestSeconds)
	}
	return nil
}

// Run sends it, and calls back as the measured window begins and ends.
func Run(ctx context.Context, flood Flood, windowBegin, windowEnd func()) (Result, error) {
	headers := map[string]string{}
	if flood.Reconnect {
		headers["Connection"] = "close"
	}
	address, request, err := wire.Request(flood.URL, headers)
	if err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, seconds(flood.WarmupSeconds+flood.DurationSeconds+flood.TimeoutSeconds))
	defer cancel()
	var counters wire.Counters
	loops := make([]*loop, flood.Connections)
	var all sync.WaitGroup
	for i := range loops {
		loops[i] = &loop{address: address, request: request, reconnect: flood.Reconnect, counters: &counters}
		all.Go(func() { loops[i].run(ctx) })
	}
	if err := wait(ctx, seconds(flood.WarmupSeconds)); err != nil {
		return Result{}, err
	}
	windowBegin()
	began, received := time.Now(), counters.BytesReceived.Load()
	for _, l := range loops {
		l.phase.Store(measured)
	}
	err = wait(ctx, seconds(flood.DurationSeconds))
	for _, l := range loops {
		l.phase.Store(over)
	}
	window, received := time.Since(began), counters.BytesReceived.Load()-received
	windowEnd()
	if err != nil {
		return Result{}, err
	}
	all.Wait()
	result := sum(loops, window, received)
	result.Totals = Totals{
		counters.Requests.Load(), counters.Connections.Load(), counters.BytesSent.Load(), counters.BytesReceived.Load(),
	}
	return result, nil
}

// The phases of a flood. An answer counts in the one in which it has come.
const (
	warmup = iota
	measured
	over
)

// loop is one closed loop. Its numbers are its own until it has ended.
type loop struct {
	address   string
	request   []byte
	reconnect bool
	counters  *wire.Counters
	phase     atomic.Int32

	answered     int64
	failed       int64
	firstFailure error
}

func (l *loop) run(ctx context.Context) {
	var conn *wire.Conn
	var stop func() bool
	// A loop that waits for an answer ends with the context too.
	closeConn := func() {
		if conn != nil {
			stop()
			_ = conn.Close()
		}
		conn = nil
	}
	defer closeConn()
	for l.phase.Load() != over && l.failed < mostFailures && ctx.Err() == nil {
		var err error
		if conn == nil {
			if conn, err = wire.Dial(ctx, l.address, l.counters); err == nil {
				stop = context.AfterFunc(ctx, func(conn *wire.Conn) func() { return func() { _ = conn.Close() } }(conn))
			}
		}
		if err == nil {
			err = l.ask(conn)
		}
		if err == nil && l.phase.Load() == measured {
			l.answered++
		}
		if err != nil {
			l.failed++
			if l.firstFailure == nil {
				l.firstFailure = err
			}
		}
		if err != nil || l.reconnect {
			closeConn()
		}
	}
}

func (l *loop) ask(conn *wire.Conn) error {
	if err := conn.Send(l.request); err != nil {
		return err
	}
	answer, err := conn.Receive(nil)
	if err != nil {
		return err
	}
	if answer.Status != 200 {
		return fmt.Errorf("status %d", answer.Status)
	}
	if !l.reconnect {
		return nil
	}
	// Whoever closes first has the connection in TIME_WAIT: a client would run out of ports.
	if _, err := conn.Receive(nil); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the server did not close the connection: %v", err)
	}
	return nil
}

func sum(loops []*loop, window time.Duration, received int64) Result {
	result := Result{WindowSeconds: window.Seconds(), BytesReceived: received}
	for _, l := range loops {
		result.Requests += l.answered
		result.Failed += l.failed
		if l.firstFailure != nil && result.FirstFailure == nil {
			why := l.firstFailure.Error()
			result.FirstFailure = &why
		}
	}
	return result
}

func wait(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(duration):
		return nil
	}
}

func seconds(value float64) time.Duration { return time.Duration(value * float64(time.Second)) }

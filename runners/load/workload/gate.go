package main

import (
	"context"
	"sync/atomic"
	"time"
)

// gate holds back a port's answers while it is shut. Open, it costs one atomic load per request.
type gate struct {
	opened atomic.Pointer[chan struct{}]
}

// shut holds back every answer for that long from now on. A gate that is shut already stays so for the longer of the
// two times.
func (g *gate) shut(duration time.Duration) {
	opened := make(chan struct{})
	previous := g.opened.Swap(&opened)
	time.AfterFunc(duration, func() {
		if previous != nil {
			<-*previous
		}
		g.opened.CompareAndSwap(&opened, nil)
		close(opened)
	})
}

// wait returns when the gate is open or the request is gone.
func (g *gate) wait(ctx context.Context) {
	for {
		opened := g.opened.Load()
		if opened == nil {
			return
		}
		select {
		case <-*opened:
		case <-ctx.Done():
			return
		}
	}
}

package pacemaker

import (
	"context"
	"slices"
	"testing"
	"time"
)

func TestTimersFireOnTimeInAnIdleProcess(t *testing.T) {
	const period, count = 1500 * time.Microsecond, 200
	start := time.Now()
	go func() { _ = Keep(t.Context(), start, period) }()
	late := make([]time.Duration, count)
	for i := range late {
		due := start.Add(time.Duration(i+1) * period)
		time.Sleep(time.Until(due))
		late[i] = time.Since(due)
	}
	slices.Sort(late)
	// Without a pacemaker the median is more than half a millisecond.
	if median := late[count/2]; median > 450*time.Microsecond {
		t.Errorf("the median timer fires %s late", median)
	}
}

func TestItEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Keep(ctx, time.Now(), time.Hour) }()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

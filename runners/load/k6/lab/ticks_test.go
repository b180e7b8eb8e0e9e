package lab

import (
	"slices"
	"testing"
	"time"
)

func TestTicksFollowFromTheOrderOfArrivalsAndDrops(t *testing.T) {
	at := func(ms ...int) []time.Duration {
		durations := make([]time.Duration, len(ms))
		for i, value := range ms {
			durations[i] = time.Duration(value) * time.Millisecond
		}
		return durations
	}
	for _, c := range []struct {
		arrivals, drops []time.Duration
		want            []int
	}{
		{at(0, 10, 20), nil, []int{0, 1, 2}},
		{at(0, 30, 40), at(10, 20), []int{0, 3, 4}},
		{at(20, 30), at(0, 10, 40), []int{2, 3}},
		{nil, at(0), []int{}},
	} {
		if got := assignTicks(c.arrivals, c.drops); !slices.Equal(got, c.want) {
			t.Errorf("%v with %v dropped: %v, not %v", c.arrivals, c.drops, got, c.want)
		}
	}
}

func TestFifoKeepsItsOrderWhileItGrowsAndShrinks(t *testing.T) {
	var queue fifo[int]
	var want []int
	for i := range 1000 {
		queue.push(i)
		want = append(want, i)
		if i%3 == 0 {
			if got, _ := queue.pop(); got != want[0] {
				t.Fatalf("%d came out, not %d", got, want[0])
			}
			want = want[1:]
		}
	}
	queue.remove(700)
	want = slices.DeleteFunc(want, func(i int) bool { return i == 700 })
	for _, next := range want {
		if peeked, _ := queue.peek(); peeked != next {
			t.Fatalf("%d is next, not %d", peeked, next)
		}
		queue.pop()
	}
	if left, any := queue.pop(); any {
		t.Errorf("%d is left", left)
	}
}

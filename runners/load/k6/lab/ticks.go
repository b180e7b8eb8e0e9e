package lab

import "time"

// assignTicks says for each arrival which tick of the executor started it. k6 does not tell an iteration its tick, but
// every tick yields exactly one event, in order: an iteration or a dropped one. So the n-th event, by time, is tick n.
// Both lists are in ascending order.
func assignTicks(arrivals, drops []time.Duration) []int {
	ticks := make([]int, len(arrivals))
	dropped := 0
	for i, arrival := range arrivals {
		for dropped < len(drops) && drops[dropped] < arrival {
			dropped++
		}
		ticks[i] = i + dropped
	}
	return ticks
}

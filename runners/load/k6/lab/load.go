package lab

import (
	"fmt"
	"math"
	"time"
)

// Load is what one run of the generator asks of its target. It is the same for all virtual users.
type Load struct {
	URL         string            `json:"url"`
	Headers     map[string]string `json:"headers,omitempty"`
	Connections int               `json:"connections"`
	// BodyBytes is how long the body of every good answer is.
	BodyBytes int64 `json:"bodyBytes"`
	// Rate is in requests per second; the script hands the same one to k6's constant-arrival-rate executor.
	Rate            int     `json:"rate"`
	WarmupSeconds   float64 `json:"warmupSeconds"`
	DurationSeconds float64 `json:"durationSeconds"`
	// TimeoutMs bounds a request, from its arrival, and the opening of a connection.
	TimeoutMs float64 `json:"timeoutMs"`
}

func (l Load) validate() error {
	for name, value := range map[string]float64{
		"connections":     float64(l.Connections),
		"rate":            float64(l.Rate),
		"durationSeconds": l.DurationSeconds,
		"timeoutMs":       l.TimeoutMs,
	} {
		if !(value > 0) || math.IsInf(value, 0) {
			return fmt.Errorf("%s must be a number over 0", name)
		}
	}
	if !(l.WarmupSeconds >= 0) || l.BodyBytes < 0 {
		return fmt.Errorf("warmupSeconds and bodyBytes must be numbers from 0 on")
	}
	return nil
}

// period is the time between two ticks: whole nanoseconds, rounded down, as k6's executor takes it.
func (l Load) period() time.Duration { return time.Second / time.Duration(l.Rate) }

// warmupTicks is the number of the first measured tick; ticks is how many there are, warm-up included.
func (l Load) warmupTicks() int { return int(math.Round(l.WarmupSeconds * float64(l.Rate))) }
func (l Load) ticks() int {
	return int(math.Round((l.WarmupSeconds + l.DurationSeconds) * float64(l.Rate)))
}

// window is the measured part, relative to the scenario's start.
func (l Load) window() (begin, end time.Duration) {
	begin = time.Duration(l.warmupTicks()) * l.period()
	return begin, begin + time.Duration(l.DurationSeconds*float64(time.Second))
}

func (l Load) timeout() time.Duration { return time.Duration(l.TimeoutMs * float64(time.Millisecond)) }

package lab

import "time"

// outcome is how a request ended.
type outcome uint8

const (
	pending outcome = iota
	answered
	wrongStatus
	wrongLength
	timedOut
	connectionReset
	notConnected
)

// kind is the outcome's name among the error kinds of a result; empty for those that are no error.
func (o outcome) kind() string {
	return [...]string{"", "", "status", "length", "timeout", "reset", "connect"}[o]
}

// record is one request: when it arrived and when it ended, both as time since the log's base.
type record struct {
	arrival, end time.Duration
	outcome      outcome
}

// log keeps all records in order of arrival. Records never move: others hold on to them while the log grows.
type log struct {
	base   time.Time
	chunks [][]record
	length int
}

const chunkLength = 4096

func newLog(expected int) *log {
	l := &log{base: time.Now()}
	for range expected/chunkLength + 1 {
		l.chunks = append(l.chunks, make([]record, chunkLength))
	}
	return l
}

// now is the time since the log's base, on the monotonic clock.
func (l *log) now() time.Duration { return time.Since(l.base) }

func (l *log) add(arrival time.Duration) *record {
	if l.length == len(l.chunks)*chunkLength {
		l.chunks = append(l.chunks, make([]record, chunkLength))
	}
	r := l.at(l.length)
	r.arrival = arrival
	l.length++
	return r
}

func (l *log) at(i int) *record { return &l.chunks[i/chunkLength][i%chunkLength] }

// Package bulk has iperf3 pull as much from its server as a path carries, and reads what iperf3 reports.
package bulk

import (
	"regexp"
	"strconv"
	"strings"
)

// interval is one line of iperf3's report: what came, between two moments of the test.
type interval struct {
	from, to       float64
	bytesPerSecond float64
	// role is `sender` or `receiver` in the lines of the whole test, else empty.
	role string
	// least and most are what the transfer may have been: iperf3 rounds it to three digits.
	least, most int64
}

// As iperf 3.12 writes them: `[SUM]   0.00-0.51   sec   573 MBytes  1156108 KBytes/sec`, and at the end
// `[SUM]   0.00-1.01   sec  1.22 GBytes  1268424 KBytes/sec    4             sender`.
var reportLine = regexp.MustCompile(
	`\[\s*(SUM|\d+)\]\s+([\d.]+)-([\d.]+)\s+sec\s+([\d.]+) ([KMGT]?)Bytes\s+([\d.]+) KBytes/sec(?:.*?(sender|receiver))?`)

var units = map[string]float64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

// readInterval reads a line that is about all streams together: of one stream its own, of more their sum. False where it
// is another.
func readInterval(line string, streams int) (interval, bool) {
	match := reportLine.FindStringSubmatch(line)
	if match == nil || (match[1] == "SUM") != (streams > 1) {
		return interval{}, false
	}
	number := func(text string) float64 {
		value, _ := strconv.ParseFloat(text, 64)
		return value
	}
	unit := units[match[5]]
	// Half of the last digit that is shown.
	half := 0.5
	if _, decimals, found := strings.Cut(match[4], "."); found {
		for range decimals {
			half /= 10
		}
	}
	transfer := number(match[4])
	return interval{
		from: number(match[2]), to: number(match[3]),
		bytesPerSecond: number(match[6]) * (1 << 10),
		role:           match[7],
		least:          int64(max(0, transfer-half) * unit),
		most:           int64((transfer + half) * unit),
	}, true
}

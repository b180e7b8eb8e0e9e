// fortio, the second load generator, by which `lab check second-generator` judges the first: as it is, but that its
// timers are punctual. Without that its requests come in bunches of those that became due in the same millisecond, and a
// bunch takes longer on its way through a proxy than requests that keep their distance.
package main

import (
	"context"
	"os"
	"time"

	"datapath-lab/runners/pacemaker"
	"fortio.org/fortio/cli"
)

// Its connections send at instants of their own.
const period = 100 * time.Microsecond

func main() {
	if len(os.Args) > 1 && os.Args[1] == "load" {
		go func() { _ = pacemaker.Keep(context.Background(), time.Now(), period) }()
	}
	cli.FortioMain(nil)
}

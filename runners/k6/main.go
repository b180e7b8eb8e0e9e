// Command k6 is k6 with the lab's extension in it, as xk6 would build it, and one more command: `k6 serve` runs the load
// generator's service.
package main

import (
	"go.k6.io/k6/v2/cmd"

	_ "datapath-lab/runners/k6/lab"
)

func main() {
	cmd.Execute()
}

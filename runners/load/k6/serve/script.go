package serve

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// longestEvent bounds one line of events; a result with its histograms takes some kilobytes.
const longestEvent = 1 << 20

// runScript runs k6 on a script and hands over each line of its events as it comes. k6 is killed when ctx is done, when
// it takes too long, and when this process dies. It returns the end of what k6 wrote to stderr.
func runScript(ctx context.Context, executable, script string, block Block, event func(line []byte)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, block.longest())
	defer cancel()
	reader, writer, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer reader.Close()

	var stderr tail
	command := exec.CommandContext(ctx, executable, "run", "--quiet", "--no-color", "--no-usage-report", "--no-thresholds",
		"--summary-mode", "disabled", "--address", "", "--out", "lab=/dev/fd/3", script)
	command.Env = append(block.environment(), isolation...)
	command.Stderr = &stderr
	command.ExtraFiles = []*os.File{writer}
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}

	// The parent whose death the kernel watches for is the thread that starts the child: it must not end before it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = command.Start()
	_ = writer.Close()
	if err != nil {
		return "", err
	}
	lines := bufio.NewScanner(reader)
	lines.Buffer(nil, longestEvent)
	for lines.Scan() {
		event(lines.Bytes())
	}
	err = command.Wait()
	if ctx.Err() == context.DeadlineExceeded {
		err = ctx.Err()
	}
	return stderr.String(), err
}

// isolation keeps k6 to itself: one thread of Go code (a second one costs CPU and tail latency up to 16000 requests per
// second), no configuration of a user, no downloads of extensions.
var isolation = []string{"GOMAXPROCS=1", "HOME=/nonexistent", "K6_AUTO_EXTENSION_RESOLUTION=false"}

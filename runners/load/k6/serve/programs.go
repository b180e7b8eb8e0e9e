package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

// longestProgram bounds what a program of the image may take.
const longestProgram = 10 * time.Minute

var programName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// programs runs one Node program of the image at a time: `NAME.mjs` in a folder, which finds what is asked on its standard
// input and writes events as lines of JSON, as k6's do.
type programs struct{ node, folder string }

func (p programs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	program := filepath.Join(p.folder, name+".mjs")
	if !programName.MatchString(name) {
		refuse(w, http.StatusBadRequest, fmt.Errorf("%q is no name of a program", name))
		return
	}
	if _, err := os.Stat(program); err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	asked, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	send := lines(w)
	told := false
	stderr, err := runProgram(r.Context(), []string{p.node, "--no-deprecation", program}, asked, func(line []byte) {
		var event struct{ Event string }
		told = told || json.Unmarshal(line, &event) == nil && (event.Event == "result" || event.Event == "error")
		send(json.RawMessage(bytes.Clone(line)))
	})
	if told {
		return
	}
	if err == nil {
		err = errors.New("it ended without a result")
	}
	send(failure{"error", err.Error(), stderr})
}

// runProgram runs a command with that input and hands over each line of its output as it comes. The command is killed when
// ctx is done, when it takes too long, and when this process dies. It returns the end of what it wrote to stderr.
func runProgram(ctx context.Context, command []string, input []byte, line func(line []byte)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, longestProgram)
	defer cancel()
	var stderr tail
	program := exec.CommandContext(ctx, command[0], command[1:]...)
	program.Stdin = bytes.NewReader(input)
	program.Stderr = &stderr
	program.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := program.StdoutPipe()
	if err != nil {
		return "", err
	}
	// The parent whose death the kernel watches for is the thread that starts the child: it must not end before it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := program.Start(); err != nil {
		return "", err
	}
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, longestEvent)
	for lines.Scan() {
		line(lines.Bytes())
	}
	err = program.Wait()
	if ctx.Err() == context.DeadlineExceeded {
		err = ctx.Err()
	}
	return stderr.String(), err
}

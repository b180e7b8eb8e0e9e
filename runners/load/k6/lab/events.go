package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// events writes what happens as lines of JSON, each in one write. Until a destination is set, nothing is written.
type events struct {
	mutex sync.Mutex
	to    io.WriteCloser
}

// open sets the destination. A path of the form /dev/fd/N is that open descriptor of this process, and needs no /proc.
func (e *events) open(path string) error {
	to, err := destination(path)
	if err != nil {
		return err
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.to = to
	return nil
}

func destination(path string) (io.WriteCloser, error) {
	if number, found := strings.CutPrefix(path, "/dev/fd/"); found {
		descriptor, err := strconv.ParseUint(number, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%s is not a descriptor: %w", path, err)
		}
		return os.NewFile(uintptr(descriptor), path), nil
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
}

// close ends the stream.
func (e *events) close() error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.to == nil {
		return nil
	}
	err := e.to.Close()
	e.to = nil
	return err
}

func (e *events) ready() error {
	return e.write(struct {
		Event string `json:"event"`
	}{"ready"})
}

func (e *events) windowBegin(at time.Time) error {
	return e.write(instant{"window-begin", seconds(at)})
}

func (e *events) windowEnd(at time.Time) error { return e.write(instant{"window-end", seconds(at)}) }

func (e *events) failed(err error) error {
	return e.write(struct {
		Event   string `json:"event"`
		Message string `json:"message"`
	}{"error", err.Error()})
}

func (e *events) result(result *Result) error {
	return e.write(struct {
		Event string `json:"event"`
		*Result
	}{"result", result})
}

// instant is an event with its time in seconds since 1970.
type instant struct {
	Event string  `json:"event"`
	At    float64 `json:"at"`
}

func seconds(at time.Time) float64 { return float64(at.UnixMicro()) / 1e6 }

func (e *events) write(event any) error {
	line, err := json.Marshal(event)
	if err != nil {
		return err
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.to == nil {
		return nil
	}
	_, err = e.to.Write(append(line, '\n'))
	return err
}

package serve

import (
	"net/http"

	"datapath-lab/runners/k6/bulk"
)

func runBulk(w http.ResponseWriter, r *http.Request) {
	asked, ok := accept[bulk.Bulk](w, r)
	if !ok {
		return
	}
	send := lines(w)
	reading := bulk.Read(asked, windowEvent(send, "window-begin"), windowEvent(send, "window-end"))
	var said tail
	stderr, err := runProgram(r.Context(), asked.Command(), nil, func(line []byte) {
		_, _ = said.Write(append(line[:len(line):len(line)], '\n'))
		reading.Line(string(line))
	})
	result, incomplete := reading.Result()
	if err == nil {
		err = incomplete
	}
	if err != nil {
		send(failure{"error", err.Error(), stderr + said.String()})
		return
	}
	send(struct {
		Event string `json:"event"`
		bulk.Result
	}{"result", result})
}

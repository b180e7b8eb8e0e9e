package serve

import (
	"encoding/json"
	"net/http"
	"time"

	"datapath-lab/runners/k6/bulk"
)

func runBulk(w http.ResponseWriter, r *http.Request) {
	var asked bulk.Bulk
	err := decode(w, r, &asked)
	if err == nil {
		err = asked.Validate()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	send := rawLines(w)
	event := func(value any) {
		// Numbers and strings can always be encoded.
		line, _ := json.Marshal(value)
		send(line)
	}
	at := func(name string) func() {
		return func() {
			event(struct {
				Event string  `json:"event"`
				At    float64 `json:"at"`
			}{name, float64(time.Now().UnixNano()) / 1e9})
		}
	}
	reading := bulk.Read(asked, at("window-begin"), at("window-end"))
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
		sendFailure(send, err, stderr+said.String())
		return
	}
	event(struct {
		Event string `json:"event"`
		bulk.Result
	}{"result", result})
}

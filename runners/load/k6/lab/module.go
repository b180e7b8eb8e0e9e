// Package lab extends k6 by a client that all virtual users share (`k6/x/lab`) and by an output that tells what came of
// the load (`--out lab=PATH`).
//
// k6 by itself gives every virtual user connections of its own and counts a request's time from when it was sent, so a
// stall needs hundreds of virtual users, and hides from the latencies what it kept from being sent. Here the number of
// connections is fixed, and latency counts from the instant at which the executor was to start the iteration.
package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/output"
)

func init() {
	session := newSession()
	modules.Register("k6/x/lab", &module{session})
	output.RegisterExtension("lab", func(params output.Params) (output.Output, error) {
		return newReporter(session, params)
	})
}

type module struct{ session *session }

// NewModuleInstance gives one virtual user its view of the module.
func (m *module) NewModuleInstance(vu modules.VU) modules.Instance { return &instance{m.session, vu} }

type instance struct {
	session *session
	vu      modules.VU
}

func (i *instance) Exports() modules.Exports {
	return modules.Exports{Named: map[string]any{"Client": i.newClient}}
}

// newClient is `new Client(load)`; see Load for the fields. The object has
//
//	connect()           opens all connections; throws when one has no good answer
//	get()               sends one request and returns at once
//	drain(timeoutMs)    waits until every request has ended
func (i *instance) newClient(call sobek.ConstructorCall) *sobek.Object {
	runtime := i.vu.Runtime()
	pool, err := i.session.client(i.load(call.Argument(0)))
	if err != nil {
		common.Throw(runtime, err)
	}
	scenarioStart := func() time.Time { return lib.GetScenarioState(i.vu.Context()).StartTime }
	methods := map[string]func(sobek.FunctionCall) sobek.Value{
		"connect": func(sobek.FunctionCall) sobek.Value {
			if err := i.session.connect(pool); err != nil {
				common.Throw(runtime, err)
			}
			return sobek.Undefined()
		},
		"get": func(sobek.FunctionCall) sobek.Value {
			i.session.get(pool, scenarioStart)
			return sobek.Undefined()
		},
		"drain": func(call sobek.FunctionCall) sobek.Value {
			pool.drain(time.Duration(call.Argument(0).ToFloat() * float64(time.Millisecond)))
			return sobek.Undefined()
		},
	}
	for name, method := range methods {
		if err := call.This.Set(name, method); err != nil {
			common.Throw(runtime, err)
		}
	}
	return nil
}

func (i *instance) load(value sobek.Value) Load {
	var load Load
	runtime := i.vu.Runtime()
	if sobek.IsUndefined(value) || sobek.IsNull(value) {
		common.Throw(runtime, errors.New("new Client() needs options"))
	}
	text, err := value.ToObject(runtime).MarshalJSON()
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&load)
	}
	if err != nil {
		common.Throw(runtime, err)
	}
	return load
}

package lab

import (
	"errors"

	"go.k6.io/k6/v2/metrics"
	"go.k6.io/k6/v2/output"
)

// reporter is k6's side of the events: `--out lab=PATH` names their destination. Of k6's own samples it takes the dropped
// iterations only.
type reporter struct {
	session *session
	path    string
}

var _ output.WithStopWithTestError = (*reporter)(nil)

func newReporter(session *session, params output.Params) (output.Output, error) {
	if params.ConfigArgument == "" {
		return nil, errors.New("--out lab needs a path: --out lab=PATH")
	}
	return &reporter{session: session, path: params.ConfigArgument}, nil
}

func (r *reporter) Description() string { return "lab: " + r.path }

func (r *reporter) Start() error { return r.session.events.open(r.path) }

func (r *reporter) AddMetricSamples(containers []metrics.SampleContainer) {
	for _, container := range containers {
		// The executor sends a dropped iteration as a lone sample; what comes in groups is of no interest here.
		if sample, alone := container.(metrics.Sample); alone && sample.Metric.Name == metrics.DroppedIterationsName {
			r.session.dropped(sample.Time)
		}
	}
}

func (r *reporter) Stop() error { return r.session.end(nil) }

func (r *reporter) StopWithTestError(testError error) error { return r.session.end(testError) }

package research_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/param"
)

// proves E6, E9: own indicators are the plan's in a run of any kind, set or varied; a
// refusal has one code and leaves nothing behind.
func TestOwnIndicatorsAreThePlans(t *testing.T) {
	t.Parallel()
	each(t, "premium", func(b *bench) {
		ctx := b.t.Context()
		own, err := param.Of(struct {
			Define string `param:"define" needs:"custom_indicators"`
			Size   int    `param:"size" validate:"min=1"`
		}{Size: 100})
		b.must(err)
		gate := &lesser{Gate: b.billing.Gate()}
		s, err := research.NewService(research.ServiceConfig{
			Events: b.billing.Events, Gate: gate, History: shop{own}, Keep: 30, Leases: b.store, Markets: shop{own},
			Now: b.billing.Clock.Now, Store: b.store, Strategies: shop{own}, Tx: b.db,
		})
		b.must(err)
		varied := func(kind research.Kind, params string, ranges ...string) research.CreateInput {
			in := research.CreateInput{Kind: kind, Pair: "XBTMYR", Strategy: "cross", Parameters: json.RawMessage(params)}
			if kind != research.Backtest {
				in.Search = &research.Search{Ranges: ranges}
			}
			return in
		}
		for name, c := range map[string]struct {
			in    research.CreateInput
			takes bool
		}{
			"a backtest without":              {varied(research.Backtest, `{"size":5}`), false},
			"a backtest":                      {varied(research.Backtest, `{"define":"a = close"}`), true},
			"a sweep without":                 {varied(research.Sweep, `{}`, "size=1:3"), false},
			"a sweep around it":               {varied(research.Sweep, `{"define":"a = close"}`, "size=1:3"), true},
			"a sweep over it":                 {varied(research.Sweep, `{}`, "define=a = close,a = open"), true},
			"a walk-forward without":          {varied(research.WalkForward, `{}`, "size=1:3"), false},
			"a walk-forward around it":        {varied(research.WalkForward, `{"define":"a = close"}`, "size=1:3"), true},
			"a walk-forward over it and more": {varied(research.WalkForward, `{}`, "size=1:3", "define=a = close,a = open"), true},
		} {
			gate.without = true
			b.billing.Events.Take()
			r, err := s.Create(ctx, b.who, c.in)
			if !c.takes {
				b.must(err)
			} else {
				var e *errs.Error
				if !errors.As(err, &e) || e.Kind != errs.LimitExceeded || e.Code != billing.CodeNotInPlan || e.Meta["entitlement"] != "custom_indicators" {
					b.t.Errorf("%s: %v", name, err)
				}
				list, err := s.Runs(ctx, b.who, page.Page{})
				if told := b.billing.Events.Take(); err != nil || len(list.Items) != 0 || b.used() != 0 || len(told) != 0 {
					b.t.Errorf("%s: the refusal left %d runs, %v, events %v", name, len(list.Items), err, told)
				}
				gate.without = false
				r, err = s.Create(ctx, b.who, c.in)
				b.must(err)
			}
			_, err = s.Cancel(ctx, b.who, r.ID)
			b.must(err)
			b.must(s.Delete(ctx, b.who, r.ID))
		}
	})
}

// lesser is a gate of plans that include all that Premium does but own indicators: none of
// the catalog has sweeps without them.
type lesser struct {
	research.Gate
	without bool
}

// Require implements research.Gate.
func (l *lesser) Require(ctx context.Context, tenantID string, needs ...billing.Entitlement) error {
	for _, n := range needs {
		if l.without && n == billing.NeedCustomIndicators {
			return errs.New(errs.LimitExceeded, billing.CodeNotInPlan, "Your plan does not include %s.", n.Words()).With("entitlement", string(n))
		}
	}
	return l.Gate.Require(ctx, tenantID, needs...)
}

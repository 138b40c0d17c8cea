package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/strategytest/conformance"
)

// bound has a parameter of each kind that is checked at its edges.
type bound struct {
	Length int     `param:"length" label:"Length" validate:"min=1,max=50"`
	Share  float64 `param:"share" label:"Share" validate:"min=0,max=1"`
	Word   string  `param:"word" label:"Word" validate:"max=10"`
}

// good keeps all of its state, trades, and is afraid of nothing.
type good struct {
	Params bound `json:"-"`
	Closes []exchange.Ticks
}

func (s *good) OnCandle(b *strategy.Bot, c exchange.Candle) {
	s.Closes = append(s.Closes, c.Close)
	if len(s.Closes) > s.Params.Length {
		s.Closes = s.Closes[1:]
	}
	switch {
	case b.Position() > 0 && c.Close > s.Closes[0]:
		b.SellAll()
	case b.Position() == 0 && c.Close < s.Closes[0]:
		b.BuyWith(b.FreeCounter() / 2)
	}
	b.Note("%d closes", len(s.Closes))
}

// The strategies below break one promise each.

// endless takes its length as it comes.
type endless struct {
	Length int `param:"endless" label:"Length" validate:"min=1"`
}

type greedy struct{ Room []float64 }

func (*greedy) OnCandle(*strategy.Bot, exchange.Candle) {}

// amnesiac takes whatever it is given for its state.
type amnesiac struct{ seen int }

func (s *amnesiac) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	s.seen++
	b.Note("candle %d", s.seen)
}

func (s *amnesiac) SaveState() (json.RawMessage, error) { return json.Marshal(s.seen) }

func (s *amnesiac) RestoreState(_ int, data json.RawMessage) error {
	if json.Unmarshal(data, &s.seen) != nil {
		s.seen = 0
	}
	return nil
}

// brittle panics at a state that is not its own.
type brittle struct{ amnesiac }

func (s *brittle) RestoreState(version int, data json.RawMessage) error {
	if version != 1 {
		return errors.New("only version 1")
	}
	if err := json.Unmarshal(data, &s.seen); err != nil {
		panic(err)
	}
	return nil
}

type lucky struct{ Seen int }

func (s *lucky) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	s.Seen++
	b.Note("%d", rand.Int64())
}

type forgetful struct {
	Since int `json:"-"`
}

func (s *forgetful) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	s.Since++
	b.Note("%d since the last restart", s.Since)
}

// follower does what signals say, in words of its own.
type follower struct{ Heard int }

func (s *follower) OnSignal(b *strategy.Bot, in strategy.Signal) {
	s.Heard++
	if strings.Contains(in.Text, "buy") {
		b.BuyWith(b.FreeCounter() / 3)
	} else {
		b.SellAll()
	}
}

// trusting reads signals as if a friend had written them.
type trusting struct{ Last string }

func (s *trusting) OnSignal(_ *strategy.Bot, in strategy.Signal) { s.Last = in.Text[:1] }

// absent forgets what it heard.
type absent struct {
	Heard int `json:"-"`
}

func (s *absent) OnSignal(b *strategy.Bot, _ strategy.Signal) {
	s.Heard++
	b.Note("%d signals", s.Heard)
}

type fragile struct{ Last exchange.Candle }

func (s *fragile) OnCandle(b *strategy.Bot, c exchange.Candle) {
	b.Note("the range is %d", 100/(c.High-c.Low))
}

func define[P any](params P, create func(P) strategy.Strategy) strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "test", Version: "1.0.0"}, params, create)
}

func simple(create func() strategy.Strategy) strategy.Definition {
	return define(struct{}{}, func(struct{}) strategy.Strategy { return create() })
}

func goodDefinition() strategy.Definition {
	return define(bound{Length: 5, Word: "x"}, func(p bound) strategy.Strategy { return &good{Params: p} })
}

// candles is how many a backtest has here: the strategies do the same thing again
// and again.
const candles = 300

// failed runs the checks of the names, or all, and returns what the failed ones
// say.
func failed(t *testing.T, cfg conformance.Config, only ...string) map[string]string {
	t.Helper()
	cfg.Candles = candles
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return time.Unix(0, 0) }
	}
	out := map[string]string{}
	for _, c := range conformance.Checks(cfg) {
		if len(only) > 0 && !slices.Contains(only, c.Name) {
			continue
		}
		note, err := c.Run(t.Context())
		if err != nil {
			out[c.Name] = err.Error()
		} else if note == "" {
			t.Errorf("%s passed without a word on what it looked at", c.Name)
		}
	}
	return out
}

// proves PL1, PL7: a strategy that keeps its promises passes, and each that
// breaks one fails the check of that promise.
func TestChecks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		def  strategy.Definition
		want map[string]string // the checks that fail, and what they say
	}{
		"nothing wrong": {goodDefinition(), nil},
		"an unbounded parameter": {
			define(endless{Length: 5}, func(p endless) strategy.Strategy { return &greedy{Room: make([]float64, p.Length)} }),
			map[string]string{"hostile parameters": `{"endless":9223372036854775807}`},
		},
		"any state": {
			simple(func() strategy.Strategy { return &amnesiac{} }), map[string]string{"strange states": "which it has not written"},
		},
		"a panic at a state": {
			simple(func() strategy.Strategy { return &brittle{} }), map[string]string{"strange states": "refuse it with an error"},
		},
		"chance": {
			simple(func() strategy.Strategy { return &lucky{} }),
			map[string]string{
				"market waves": "does the strategy use a clock", "market flat": "chance", "market gaps": "chance", "market extremes": "chance",
				"backtest": "chance",
			},
		},
		"a lost state": {
			simple(func() strategy.Strategy { return &forgetful{} }),
			map[string]string{
				"market waves": "Is all of the state saved?", "market flat": "saved?", "market gaps": "saved?", "market extremes": "saved?",
			},
		},
		"signals are followed": {simple(func() strategy.Strategy { return &follower{} }), nil},
		"a panic at a signal": {
			simple(func() strategy.Strategy { return &trusting{} }),
			map[string]string{"signals": "slice bounds out of range", "backtest": "slice bounds out of range"},
		},
		"a lost signal": {simple(func() strategy.Strategy { return &absent{} }), map[string]string{"signals": "saved?"}},
		"a panic at a market": {
			simple(func() strategy.Strategy { return &fragile{} }), map[string]string{"market flat": "divide by zero", "market extremes": "divide by zero"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failed(t, conformance.Config{Start: conformance.Loopback(test.def)})
			for check, text := range got {
				if want, ok := test.want[check]; !ok || !strings.Contains(text, want) {
					t.Errorf("%s fails with %q, want %q", check, text, want)
				}
			}
			for check := range test.want {
				if _, ok := got[check]; !ok {
					t.Errorf("%s passes", check)
				}
			}
		})
	}
}

// liar is a subject that tells other things than the strategy does.
type liar struct {
	conformance.Subject
	backtest func(*backtest.Result)
	manifest func(*plugin.Manifest)
}

func (l *liar) Manifest() plugin.Manifest {
	m := l.Subject.Manifest()
	if l.manifest != nil {
		l.manifest(&m)
	}
	return m
}

func (l *liar) Backtest(ctx context.Context, cfg backtest.Config, src marketdata.Source, progress func(int64)) (*backtest.Result, error) {
	r, err := l.Subject.Backtest(ctx, cfg, src, progress)
	if err == nil && l.backtest != nil {
		l.backtest(r)
	}
	return r, err
}

// proves PL1, PL2, PL4
func TestLiesAreFound(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	other, err := param.Of(endless{Length: 1})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		lie         liar
		check, want string
	}{
		"a better equity": {liar{backtest: func(r *backtest.Result) { r.Equity[candles-1]++ }}, "backtest", "candle 299"},
		"a better end":    {liar{backtest: func(r *backtest.Result) { r.Account.Realised++ }}, "backtest", "ends with the account"},
		"another result each time": {
			liar{backtest: func(r *backtest.Result) { r.FinalEquity += exchange.Units(runs.Add(1)) }}, "backtest", "gave another result in another process",
		},
		"a name with a path":         {liar{manifest: func(m *plugin.Manifest) { m.Name = "../x" }}, "manifest", `the name "../x"`},
		"a version of words":         {liar{manifest: func(m *plugin.Manifest) { m.Version = "newest" }}, "manifest", `the version "newest"`},
		"signals that are not heard": {liar{manifest: func(m *plugin.Manifest) { m.Capabilities = append(m.Capabilities, plugin.Signals) }}, "signals", "does not handle them"},
		"a title of lines":           {liar{manifest: func(m *plugin.Manifest) { m.Title = "a\nb" }}, "manifest", "the title"},
		"a summary too long":         {liar{manifest: func(m *plugin.Manifest) { m.Summary = strings.Repeat("x", 301) }}, "manifest", "the summary"},
		"no live bots":               {liar{manifest: func(m *plugin.Manifest) { m.Capabilities = nil }}, "manifest", "does not serve live bots"},
		"a schema of others":         {liar{manifest: func(m *plugin.Manifest) { m.Schema = other }}, "defaults are valid", "refuses its own defaults"},
		"another state version": {
			liar{manifest: func(m *plugin.Manifest) { m.StateVersion = 3 }}, "strange states", "writes version 1",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := conformance.Loopback(goodDefinition())
			got := failed(t, conformance.Config{Start: func(ctx context.Context) (conformance.Subject, func(), error) {
				s, end, err := start(ctx)
				lie := test.lie
				lie.Subject = s
				return &lie, end, err
			}}, test.check)
			if text, ok := got[test.check]; !ok || !strings.Contains(text, test.want) {
				t.Errorf("%s says %q, want %q", test.check, text, test.want)
			}
		})
	}
}

func TestSlowAnswersAreFound(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	clock := func() time.Time { return time.Unix(now.Add(2), 0) }
	got := failed(t, conformance.Config{Limit: time.Second, Now: clock, Start: conformance.Loopback(goodDefinition())}, "deadlines")
	if text := got["deadlines"]; !strings.Contains(text, "opening 100 bots took 2s, and 1s are allowed") {
		t.Errorf("the deadlines say %q", text)
	}
}

// A subject that cannot begin, or that is gone, fails each check with the cause.
func TestCausesAreKept(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for _, c := range conformance.Checks(conformance.Config{
		Now: time.Now, Start: func(context.Context) (conformance.Subject, func(), error) { return nil, nil, boom },
	}) {
		if _, err := c.Run(t.Context()); !errors.Is(err, boom) {
			t.Errorf("%s gave %v", c.Name, err)
		}
	}
}

package backtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// listener keeps what it hears and buys something at each signal.
type listener struct {
	Heard *[]string `json:"-"`
}

func (l *listener) OnSignal(b *strategy.Bot, s strategy.Signal) {
	*l.Heard = append(*l.Heard, fmt.Sprintf("%s at %s", s.Text, b.Now().Format("04:05")))
	b.BuyWith(b.FreeCounter() / 10)
}

func listening(heard *[]string) strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "listener", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &listener{Heard: heard} })
}

// proves PL1, PL3: a signal is told at the close of the candle in which it came,
// and what it orders trades in the next one.
func TestSignalsAreToldAtTheCloseOfTheirCandle(t *testing.T) {
	t.Parallel()
	s := history(t, 5)
	cfg := config(t, s)
	cfg.Params = nil
	first := s.Candles[0].Time
	for i, at := range []int64{-1, 0, 1, 60_000, 60_001, 4*60_000 + 30_000, 5*60_000 + 1} {
		cfg.Signals = append(cfg.Signals, strategy.Signal{ID: fmt.Sprint(i), Text: fmt.Sprint(at), Time: first + at})
	}
	var heard []string
	r := run(t, listening(&heard), cfg, s)
	minute := func(n int64) string { return time.UnixMilli(first + n*60_000).UTC().Format("04:05") }
	want := []string{"1 at " + minute(1), "60000 at " + minute(1), "60001 at " + minute(2), "270000 at " + minute(5)}
	if !slices.Equal(heard, want) || r.Signals != 4 {
		t.Errorf("it heard %d signals %v, want %v", r.Signals, heard, want)
	}
	if r.Account.Fills != 3 {
		t.Errorf("it bought %d times, want 3 before the end", r.Account.Fills)
	}
}

func TestSignalsThatCannotBeTold(t *testing.T) {
	t.Parallel()
	s := history(t, 5)
	ok := strategy.Signal{ID: "1", Text: "x", Time: s.Candles[1].Time}
	with := func(change func(*strategy.Signal)) []strategy.Signal {
		bad := ok
		bad.ID = "2"
		change(&bad)
		return []strategy.Signal{ok, bad}
	}
	flood := make([]strategy.Signal, 1001)
	for i := range flood {
		flood[i] = strategy.Signal{ID: fmt.Sprint(i), Text: "x", Time: ok.Time}
	}
	var heard []string
	for name, c := range map[string]struct {
		def  strategy.Definition
		list []strategy.Signal
		want string
	}{
		"nobody hears":   {basic.Definition(), []strategy.Signal{ok}, "basic takes no signals"},
		"no time":        {listening(&heard), with(func(s *strategy.Signal) { s.Time = 0 }), "has no time"},
		"disorder":       {listening(&heard), with(func(s *strategy.Signal) { s.Time-- }), "is earlier than the one before it"},
		"an id twice":    {listening(&heard), with(func(s *strategy.Signal) { s.ID = "1" }), `an id of its own in place of "1"`},
		"no id":          {listening(&heard), with(func(s *strategy.Signal) { s.ID = "" }), "an id of its own"},
		"too long":       {listening(&heard), with(func(s *strategy.Signal) { s.Text = strings.Repeat("x", strategy.MaxSignal+1) }), "4097 bytes"},
		"no UTF-8":       {listening(&heard), with(func(s *strategy.Signal) { s.Text = "\xff" }), "is not UTF-8"},
		"too many":       {listening(&heard), make([]strategy.Signal, 100_001), "100001 signals are too many"},
		"many at a time": {listening(&heard), flood, `signal "1000": 1000 signals wait already`},
	} {
		cfg := config(t, s)
		cfg.Params, cfg.Signals = nil, c.list
		if _, err := backtest.Run(t.Context(), c.def, cfg, marketdata.NewSliceSource(s.Candles), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s gave %v, want %q", name, err, c.want)
		}
	}
}

func TestReadSignals(t *testing.T) {
	t.Parallel()
	want := []strategy.Signal{
		{ID: "line-3", Text: `{"action":"buy"}`, Time: 1_764_581_400_000},
		{ID: "mine", Text: `{"action":"sell", "size": 50}`, Time: 1_764_585_000_000},
	}
	for name, text := range map[string]string{
		"JSON lines": "\n" + `{"time":"2025-12-01T12:30:00+02:00","id":"mine","body":{"action":"sell", "size": 50}}` + "\n" +
			`{"body":"{\"action\":\"buy\"}","time":1764581400000}` + "\n\n",
		"CSV": "\ufefftime,id,body\r\n2025-12-01T10:30:00Z,mine,\"{\"\"action\"\":\"\"sell\"\", \"\"size\"\": 50}\"\r\n" +
			"1764581400000,,\"{\"\"action\"\":\"\"buy\"\"}\"\r\n",
	} {
		got, err := backtest.ReadSignals(strings.NewReader(text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s gave %+v, %v, want %+v", name, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                      "there is nothing in it",
		"\n\n":                                  "there is nothing in it",
		"a,b":                                   `line 1: the column "a" is unknown`,
		"time,time,body\n":                      `the column "time" is unknown or there twice`,
		"time,id\n":                             "the header must name the columns time and body",
		"time,body\nyesterday,x\n":              `line 2: the time "yesterday" must be as`,
		"time,body\n1764581400,x\n":             "milliseconds since the epoch",
		"time,body\n1764581400000,\n":           "line 2: it has no body",
		"time,body\n1,2,3\n":                    "wrong number of fields",
		"{\"time\":1764581400000}":              "line 1: it has no body",
		"{\"time\":1764581400000,\"bdy\":1}":    "unknown field",
		"{\"time\":1764581400000,\"body\":1}{}": "line 1: more follows",
		"{\"body\":1,\n":                        "line 1: unexpected EOF",
		"time,body,id\n1764581400000,x,a\n1764581400000,x,a": "an id of its own",
	} {
		if _, err := backtest.ReadSignals(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gave %v, want %q", text, err, want)
		}
	}
}

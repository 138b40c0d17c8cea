package plugin

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/risk"
)

// proves PL5: while the curve comes through the shared memory, which another goroutine
// reads, one that comes as messages is refused and told to nobody.
func TestCurveBesideTheMemory(t *testing.T) {
	t.Parallel()
	in := &resultReader{sender: &candleSender{}}
	in.sender.sent.Store(5)
	if err := in.take(&pluginpb.BacktestOutput{Equity: wire.AppendSeries(nil, []int64{1, 2, 3})}); err == nil || in.valued != 0 {
		t.Errorf("%d values are taken (%v)", in.valued, err)
	}
}

// proves PL5: a run that says the same of its progress again and again makes none.
func TestProgressThatIsNone(t *testing.T) {
	t.Parallel()
	var told []int64
	in := &resultReader{sender: &candleSender{}, progress: func(done int64) { told = append(told, done) }}
	in.sender.sent.Store(5)
	for _, done := range []int64{2, 2, 1, 0, -1, 6, 2, 3, math.MaxInt64, 3} {
		if err := in.take(&pluginpb.BacktestOutput{Done: done}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(told, []int64{2, 3}) {
		t.Errorf("it tells %v", told)
	}
}

// proves PL5: a run that is over before the curve has come is garbage, and not a run that
// somebody gave up.
func TestRunOverBeforeItsCurve(t *testing.T) {
	t.Parallel()
	memory := sharing(t)
	s := newSegments(memory, func([]int64) {}, nil)
	put(t, s, 0)
	memory.header().settled.count.Store(0)
	if err := s.rest(); err != nil || s.valued != 0 {
		t.Fatalf("%d values have come (%v)", s.valued, err)
	}
	in := answered(t, backtest.Result{Candles: 1, Segments: []backtest.Segment{{}}}, 1)
	in.valued = s.valued
	if _, err := in.finish(backtest.Config{}); !errors.Is(err, ErrGarbage) {
		t.Errorf("it gives %v", err)
	}
}

// proves PL5: what trades take is counted with their ids.
func TestTradesWithLongIDs(t *testing.T) {
	t.Parallel()
	trades := make([]portfolio.Trade, 1000)
	for i := range trades {
		trades[i].OrderID = strings.Repeat("x", wire.MaxText-1)
	}
	columns, ids := wire.EncodeTrades(trades)
	in := &resultReader{sender: &candleSender{}}
	for n := range resultBytes/(len(trades)*wire.MaxText) + 1 {
		if err := in.take(&pluginpb.BacktestOutput{Trades: &pluginpb.Trades{Columns: columns, OrderIds: ids}}); err != nil {
			t.Logf("refused after %d messages: %v", n, err)
			return
		}
	}
	t.Errorf("%d trades with ids of %d bytes are taken", in.result.Trades.Len(), wire.MaxText-1)
}

// proves PL5: when the candles were is a stranger's word, by which a report would read
// beyond the curve or count the minutes of all eternity.
func TestSegmentsOfAStranger(t *testing.T) {
	t.Parallel()
	const minute = int64(60_000)
	cfg := backtest.Config{Interval: time.Minute}
	honest := func() backtest.Result {
		return backtest.Result{
			Config: cfg, Candles: 4, To: 6 * minute, Segments: []backtest.Segment{{}, {Index: 2, Time: 4 * minute}},
		}
	}
	check := func(r backtest.Result) error {
		in := answered(t, r, 4)
		in.sender.last = 5 * minute // with a gap of two
		_, err := in.finish(cfg)
		return err
	}
	if err := check(honest()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(r *backtest.Result){
		"none":                 func(r *backtest.Result) { r.Segments = nil },
		"of no candle":         func(r *backtest.Result) { r.Segments[0].Index = 1 },
		"before the curve":     func(r *backtest.Result) { r.Segments[1].Index = -1 },
		"beyond the curve":     func(r *backtest.Result) { r.Segments[1].Index = 4 },
		"far beyond the curve": func(r *backtest.Result) { r.Segments[1].Index = math.MaxInt },
		"backwards":            func(r *backtest.Result) { slices.Reverse(r.Segments) },
		"at the end of time":   func(r *backtest.Result) { r.Segments[1].Time = math.MaxInt64 },
		"before time":          func(r *backtest.Result) { r.Segments[1].Time = math.MinInt64 },
		"too early":            func(r *backtest.Result) { r.Segments[1].Time -= minute },
		"another beginning":    func(r *backtest.Result) { r.From = math.MinInt64 },
		"another end":          func(r *backtest.Result) { r.To = math.MaxInt64 },
	} {
		r := honest()
		spoil(&r)
		if err := check(r); !errors.Is(err, ErrGarbage) {
			t.Errorf("%s: it gives %v", name, err)
		}
	}
}

// proves PL5: a list of nothings is refused before it takes a hundred times its size.
func TestResultsThatUnfold(t *testing.T) {
	t.Parallel()
	nothings := bytes.Repeat([]byte("{},"), partBytes)
	for name, raw := range map[string]string{
		"pairs":         `{"pairs":[` + string(nothings) + `{}]}`,
		"trades":        `{"Trades":[` + string(nothings) + `{}]}`,
		"in the config": `{"config":{"Pairs":[` + string(nothings) + `{}]}}`,
		"its signals":   `{"config":{"signals":[` + string(nothings) + `{}]}}`,
		"its parts":     `{"config":{` + strings.Repeat(`"Pairs":[],`, resultParts) + `"Pairs":[]}}`,
		"no config":     `{"config":[]}`,
		"segments":      `{"segments":[` + string(nothings[:3000]) + `{}]}`,
		"many parts":    `{` + strings.Repeat(`"pairs":[],`, resultParts) + `"pairs":[]}`,
		"no object":     `[]`,
		"nothing":       ``,
		"cut off":       `{"pairs":[`,
	} {
		var out backtest.Result
		if err := readResult([]byte(raw), 1, 4, 0, &out); err == nil || len(out.Pairs) > 0 {
			t.Errorf("%s: %d pairs come out (%v)", name, len(out.Pairs), err)
		}
	}
}

// proves PL5: what a run tells in words is kept short, because reports are kept and shown.
func TestTextsOfARun(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", wire.MaxText)
	of := backtest.Result{
		Strategy: long, Version: long, Waits: long, Candles: 1, Segments: []backtest.Segment{{}},
		Breaker: risk.Breaker{Reason: long}, Refused: backtest.Refused{Reason: long},
	}
	r, err := answered(t, of, 1).finish(backtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{r.Breaker.Reason, r.Refused.Reason, r.Waits, r.Strategy, r.Version} {
		if most := []int{wire.MaxText, wire.MaxText, wire.MaxText, wire.MaxName, wire.MaxName}[i]; len(text) > most || len(text) < most-1 {
			t.Errorf("of text %d %d bytes are kept", i, len(text))
		}
	}
}

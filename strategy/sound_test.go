package strategy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// hears is a strategy that is as it should be; the mistakes below embed it.
type hears struct{}

func (*hears) OnCandle(*strategy.Bot, exchange.Candle) {}

type (
	wordless   struct{}
	byValue    struct{ N int }
	forgetful  struct{ count int }
	otherFill  struct{ hears }
	ticker     struct{ hears }
	halfSaving struct{ hears }
	ownName    struct{ hears }
)

func (*byValue) OnCandle(*strategy.Bot, exchange.Candle)     {}
func (f *forgetful) OnCandle(*strategy.Bot, exchange.Candle) { f.count++ }
func (*otherFill) OnFill(*strategy.Bot, exchange.Fill)       {}
func (*ticker) OnTimer(*strategy.Bot)                        {}
func (*halfSaving) SaveState() ([]byte, error)               { return nil, nil }
func (*ownName) Once() bool                                  { return true }

// What an author gets wrong about a strategy's methods and fields is told when it is
// defined, and not by a bot that hears nothing or has forgotten.
func TestStrategiesThatCannotWorkAreNotDefined(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s    strategy.Strategy
		want []string
	}{
		"nothing at all":            {nil, []string{"handles no event", "OnCandle"}},
		"no handler":                {&wordless{}, []string{"*strategy_test.wordless", "handles no event", "OnCandle"}},
		"a value":                   {byValue{}, []string{"return the pointer"}},
		"a field that is not saved": {&forgetful{}, []string{"field count", "export it"}},
		"another form":              {&otherFill{}, []string{"OnFill is never called", "strategy.FillHandler", "OnFill(*strategy.Bot, strategy.Fill)"}},
		"no such handler":           {&ticker{}, []string{"OnTimer is never called", "OnBook, OnCandle, OnFill, OnOrder, OnPair, OnSignal, OnStart, OnTrades"}},
		"half of an interface":      {&halfSaving{}, []string{"SaveState is never called", "strategy.Snapshotter", "RestoreState(int, json.RawMessage) error"}},
		"a name of its own":         {&ownName{}, nil},
	} {
		_, err := strategy.Define(strategy.Info{Name: "idea", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return c.s })
		if (err == nil) != (c.want == nil) {
			t.Errorf("%s gave %v", name, err)
		}
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s gave %v, want %q", name, err, want)
			}
		}
	}
}

// A definition that panics says all that is wrong in one line, because a host shows
// the first line of what a plugin says at its end.
func TestMustDefineSaysAllInOneLine(t *testing.T) {
	t.Parallel()
	type params struct {
		Length int     `param:"length" validate:"mn=2,max=abc"`
		Band   float64 `parm:"band"`
		Stop   int     `param:"stop" validate:"max=90"`
	}
	defer func() {
		text, _ := recover().(string)
		for _, want := range []string{`"Idea"`, `"1"`, `"length"`, "mn", "abc", "field Band", `"stop": the default must be at most 90`} {
			if !strings.Contains(text, want) || strings.Contains(text, "\n") {
				t.Errorf("it panicked with %q, want %q in one line", text, want)
			}
		}
	}()
	strategy.MustDefine(strategy.Info{Name: "Idea", Version: "1"}, params{Stop: 95}, func(params) strategy.Strategy { return &hears{} })
}

// crashes is a strategy whose code panics in a function that its handler calls.
type crashes struct{}

func (*crashes) OnCandle(_ *strategy.Bot, c exchange.Candle) { _ = second(nil, int(c.Close)) }

func second(values []int, i int) int { return values[i] }

// A panic is told with the line that it comes from: an author has nothing else of it.
func TestPanicsSayWhere(t *testing.T) {
	t.Parallel()
	def := strategy.MustDefine(strategy.Info{Name: "crashes", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &crashes{} })
	i, err := def.Open(strategy.OpenInput{Interval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	_, err = i.TryDeliver(&strategy.View{}, &strategy.Event{Kind: strategy.CandleEvent, Candle: exchange.Flat(0, 7)})
	var p *strategy.PanicError
	if !errors.As(err, &p) || !strings.Contains(err.Error(), "index out of range [7]") || !strings.Contains(p.Where, "second, sound_test.go:") || !strings.Contains(err.Error(), p.Where) {
		t.Errorf("it panicked with %v", err)
	}
}

// unsayable has a field that JSON cannot hold.
type unsayable struct {
	hears

	When map[[2]int]int
}

// proves PL7: a state that cannot be saved is an error that names the field.
func TestStatesThatCannotBeSavedNameTheField(t *testing.T) {
	t.Parallel()
	def := strategy.MustDefine(strategy.Info{Name: "unsayable", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &unsayable{} })
	i, err := def.Open(strategy.OpenInput{Interval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Snapshot(); err == nil || !strings.Contains(err.Error(), "its field When") || !strings.Contains(err.Error(), "Snapshotter") {
		t.Errorf("saving gave %v", err)
	}
}

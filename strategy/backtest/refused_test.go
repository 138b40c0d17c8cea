package backtest_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
)

// hesitant looks at hours and says what it waits for; once it has heard of so many
// it asks for an order of one unit, which no market takes.
type hesitant struct {
	Hour  *strategy.Frame
	After int `json:"-"`
	Hours int
}

func (s *hesitant) OnCandle(b *strategy.Bot, c exchange.Candle) {
	if _, ok := s.Hour.Update(b, c); ok {
		s.Hours++
	}
	b.Note("waiting: %d hours", s.Hours)
	if s.Hours > s.After {
		b.BuyWith(1)
	}
}

func hesitate(after int) strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "hesitant", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy {
		return &hesitant{Hour: strategy.NewFrame(time.Hour), After: after}
	})
}

// A run in which nothing was traded tells what the strategy waits for, and the orders that
// were refused with the first reason: its author has nothing else to find the cause by.
func TestARunWithoutATradeSaysWhy(t *testing.T) {
	t.Parallel()
	s := history(t, 2*marketdata.BlockSize+600)
	for name, c := range map[string]struct {
		decide       time.Duration
		after        int
		waits, cause string
	}{
		"it waits":                  {0, 1_000_000, "waiting: 146 hours", ""},
		"the frame does not fit":    {7 * time.Minute, 1_000_000, "candles of 1h0m0s cannot be made of the bot's of 7m0s; waiting: 0 hours", ""},
		"its orders are too small":  {0, 2, "waiting: 146 hours", "below the least"},
		"a candle of a whole block": {24 * time.Hour, 1_000_000, "candles of 1h0m0s cannot be made", ""},
	} {
		cfg := config(t, s)
		cfg.Decide = c.decide
		r := run(t, hesitate(c.after), cfg, s)
		if !strings.HasPrefix(r.Waits, c.waits) {
			t.Errorf("%s: it says %q, want %q", name, r.Waits, c.waits)
		}
		if got := r.Refused; (got.Orders > 0) != (c.cause != "") || !strings.Contains(got.Reason, c.cause) || got.Orders > 0 && got.Time != s.Candles[179].Time+60_000 {
			t.Errorf("%s: refused are %+v, want %q", name, got, c.cause)
		}
	}
}

// A run that trades is asked to explain itself no more once it has held something: notes
// cost time.
func TestARunThatTradesIsNotAsked(t *testing.T) {
	t.Parallel()
	s := history(t, 3*marketdata.BlockSize)
	asked := 0
	def := strategy.MustDefine(strategy.Info{Name: "holder", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &holder{Asked: &asked} })
	if r := run(t, def, config(t, s), s); r.Invested == 0 || r.Waits != "" || asked != 0 {
		t.Errorf("it held %d candles, was asked %d times and said %q", r.Invested, asked, r.Waits)
	}
}

// holder buys at once, and counts the candles of which somebody reads its notes.
type holder struct {
	Asked *int `json:"-"`
}

func (h *holder) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	if b.Position() == 0 {
		b.BuyWith(b.FreeCounter())
	}
	if b.Explaining() {
		*h.Asked++
	}
	b.Note("nothing to say")
}

// talker says very much.
type talker struct{}

func (*talker) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	b.Note("%s", strings.Repeat("é", 200_000))
}

// What a strategy says is kept short: a host takes the result of a plugin that tells more
// for garbage.
func TestWhatIsSaidIsKeptShort(t *testing.T) {
	t.Parallel()
	s := history(t, 10)
	def := strategy.MustDefine(strategy.Info{Name: "talker", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &talker{} })
	if r := run(t, def, config(t, s), s); len(r.Waits) < 4000 || len(r.Waits) > 4096 || !utf8.ValidString(r.Waits) {
		t.Errorf("%d bytes are kept", len(r.Waits))
	}
}

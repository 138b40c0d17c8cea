package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// checkSignals runs a strategy that takes messages from outside through a market
// in which there are some.
func checkSignals(ctx context.Context, cfg Config) (string, error) {
	var says, takes bool
	err := with(ctx, cfg.Start, func(s Subject) error {
		bot, err := openOne(ctx, s, openInput(nil))
		says, takes = s.Manifest().Can(plugin.Signals), bot.wants(strategy.SignalEvent)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case says && !takes:
		return "", errors.New("the manifest says that it takes signals, and with its defaults it does not handle them")
	case takes && !says:
		return "", errors.New("it handles signals, and the manifest does not say so: no host would send any")
	case !takes:
		return "it takes none", nil
	}
	sc := waves()
	sc.signals = strangeSignals
	return checkMarket(ctx, cfg, sc)
}

// signals leaves the messages that come before a candle closes, if the bot wants
// to hear them.
func (t *Trader) signals(of func(open int64, i int) []strategy.Signal, i int, c exchange.Candle, bot Opened) error {
	if of == nil || !bot.wants(strategy.SignalEvent) {
		return nil
	}
	for _, s := range of(c.Time, i) {
		if err := t.Signal(s); err != nil {
			return fmt.Errorf("signal %s: %w", s.ID, err)
		}
	}
	return nil
}

// signalsOf returns the messages of a backtest over candles.
func signalsOf(candles []exchange.Candle) []strategy.Signal {
	var list []strategy.Signal
	for i, c := range candles {
		list = append(list, strangeSignals(c.Time, i)...)
	}
	return list
}

// strangeSignals returns what anybody who knows a bot's address and secret might
// send before the i-th candle closes: orders in the form of the strategy signals,
// which others may read otherwise, and texts that no strategy should fail at. One
// in four candles brings none, and one all at once.
func strangeSignals(open int64, i int) []strategy.Signal {
	texts := signalTexts()
	switch {
	case i%4 == 0:
		texts = nil
	case i%50 != 1:
		texts = texts[i*7%len(texts):][:1]
	}
	list := make([]strategy.Signal, len(texts))
	for k, text := range texts {
		list[k] = strategy.Signal{ID: fmt.Sprintf("signal-%d-%d", i, k), Text: text, Time: open + span.Milliseconds()/2}
	}
	return list
}

func signalTexts() []string {
	return []string{
		`{"action":"buy","size":50}`, `{"action":"stop","stop":"1","target":"999999"}`, `{"action":"sell","size":"50"}`, `{"action":"close"}`,
		`{"action":"buy","amount":"1000","limit":"250500","stop":"200000"}`, `{"action":"buy","volume":0.01}`, `{"action":"cancel"}`,
		`{"action":"sell","limit":"251000"}`, `buy`, ``, ` `, `{`, `null`, `[]`, `7`, `{"action":null}`, `{"action":"buy","size":-1}`,
		`{"action":"buy","size":1e999999999}`, `{"action":"buy","limit":"99999999999999999999"}`, `{"action":"sell","volume":"NaN"}`,
		`{"action":"buy","action":"sell"}`, `{"action":"buy"}{"action":"buy"}`, "\u202e\u0000\n", `{"action":"stop","stop":9e18}`,
		strings.Repeat("[", strategy.MaxSignal), `{"action":"` + strings.Repeat("x", strategy.MaxSignal-13) + `"}`,
	}
}

package conformance

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lunobot/lunobot/strategy"
)

// checkStates opens bots from states that this version of the strategy has not
// written.
func checkStates(ctx context.Context, cfg Config) (note string, err error) {
	err = with(ctx, cfg.Start, func(s Subject) error {
		good, err := sample(ctx, s, hostileCandles)
		if err != nil {
			return err
		}
		if own := s.Manifest().StateVersion; good.Version != own {
			return fmt.Errorf("it says that its states have version %d and writes version %d", own, good.Version)
		}
		tried := 0
		for _, state := range strangeStates(good) {
			_, err := openOne(ctx, s, openInput(&state))
			switch {
			case err == nil:
				return fmt.Errorf("it takes a state of version %d with %s, which it has not written: refuse what cannot be read, or the bot "+
					"begins again without a word", state.Version, short(state.Data))
			case panicked(err):
				return fmt.Errorf("a state of version %d with %s: %w: refuse it with an error", state.Version, short(state.Data), err)
			}
			tried++
		}
		if _, err := openOne(ctx, s, openInput(&good)); err != nil {
			return fmt.Errorf("after that it does not open from its own state: %w", err)
		}
		note = fmt.Sprintf("%d refused", tried)
		return nil
	})
	return note, err
}

// strangeStates returns states of versions that never were or are yet to come,
// and of forms that no strategy writes.
func strangeStates(good strategy.Snapshot) []strategy.Snapshot {
	list := []strategy.Snapshot{{Version: good.Version + 1, Data: good.Data}, {Version: 1 << 30, Data: good.Data}, {Version: 0, Data: good.Data}, {Version: -1, Data: good.Data}}
	for _, data := range []string{`"x"`, `7`, `true`, `[[]]`, `{`, "\xff\xfe", ``} {
		list = append(list, strategy.Snapshot{Version: good.Version, Data: json.RawMessage(data)})
	}
	return list
}

// sample returns a new bot's state after some candles of an ordinary market.
func sample(ctx context.Context, s Subject, candles int) (strategy.Snapshot, error) {
	bot, err := openOne(ctx, s, openInput(nil))
	if err != nil {
		return strategy.Snapshot{}, err
	}
	t, err := newTrader(ctx, s, bot)
	if err != nil {
		return strategy.Snapshot{}, err
	}
	for i := range candles {
		if _, err := t.Candle(waves().candle(i)); err != nil {
			return strategy.Snapshot{}, fmt.Errorf("candle %d: %w", i, err)
		}
	}
	states, err := s.Snapshot(ctx, []uint64{bot.Bot})
	if err != nil {
		return strategy.Snapshot{}, err
	}
	return states[0].Snapshot, states[0].Err
}

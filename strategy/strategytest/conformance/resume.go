package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// checkMarket runs a strategy through a market twice, and then a third time
// restored after each event.
func checkMarket(ctx context.Context, cfg Config, sc scenario) (string, error) {
	start := cfg.Reference
	if start == nil {
		start = cfg.Start
	}
	var first, second recording
	for _, r := range []*recording{&first, &second} {
		err := with(ctx, start, func(s Subject) (err error) {
			*r, err = record(ctx, s, sc)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	if !slices.EqualFunc(first.steps, second.steps, SameCommands) {
		return "", errors.New("the same events gave other commands: does the strategy use a clock, chance or a map's order?")
	}
	restored := 0
	err := with(ctx, cfg.Start, func(s Subject) (err error) {
		restored, err = resume(ctx, s, sc, first)
		return err
	})
	return fmt.Sprintf("%d events, restored after %d of them", len(first.steps), restored), err
}

// SameCommands reports whether a strategy answered the same to the same event.
func SameCommands(a, b Step) bool {
	return a.Event.Equal(&b.Event) && slices.Equal(a.Commands, b.Commands)
}

// warmRestores is how many snapshots of the warm-up are restored at most; all of
// a long one would take the square of its length.
const warmRestores = 30

// restoredEvents is for how many events a restored bot is watched after the
// warm-up; to the end would take the square of a busy strategy's events.
const restoredEvents = 150

// resume plays the recording to a bot from the beginning, and to one more from
// each of its snapshots on. All must say what was recorded. It returns how many
// there were.
func resume(ctx context.Context, s Subject, sc scenario, r recording) (int, error) {
	stride := 1 + r.warm/warmRestores
	var bots []uint64
	since := []int{-1} // after which event each began
	open := func(snapshot *strategy.Snapshot) error {
		bot, err := openOne(ctx, s, sc.input(snapshot))
		if err != nil {
			return fmt.Errorf("opening from the snapshot of event %d: %w", since[len(since)-1], err)
		}
		bots = append(bots, bot.Bot)
		return nil
	}
	if err := open(nil); err != nil {
		return 0, err
	}
	restored := 0
	round := &plugin.Round{Deliveries: make([]plugin.Delivery, 1)}
	for k := range r.steps {
		step := &r.steps[k]
		d := &round.Deliveries[0]
		d.Event, d.Bots = step.Event, d.Bots[:0]
		for i, bot := range bots {
			d.Bots = append(d.Bots, plugin.Recipient{Bot: bot, View: &step.View, Snapshot: i == 0})
		}
		if err := s.Live(ctx, round); err != nil {
			return 0, err
		}
		for i, reaction := range round.Reactions {
			if err := compare(step, reaction, k, since[i]); err != nil {
				return 0, err
			}
		}
		snapshot := round.Reactions[0].Snapshot
		if snapshot == nil || !json.Valid(snapshot.Data) {
			return 0, fmt.Errorf("event %d: the state is not JSON", k)
		}
		if k >= r.warm || k%stride == 0 {
			since = append(since, k)
			if err := open(snapshot); err != nil {
				return 0, err
			}
			restored++
		}
		if len(since) > 1 && k-max(since[1], r.warm) >= restoredEvents {
			if err := s.Close(ctx, bots[1:2]); err != nil {
				return 0, err
			}
			bots, since = slices.Delete(bots, 1, 2), slices.Delete(since, 1, 2)
		}
	}
	return restored, nil
}

// compare says how a reaction to event k differs from the recorded one.
func compare(want *Step, got plugin.Reaction, k, since int) error {
	switch {
	case got.Err != nil:
		return fmt.Errorf("event %d (%s): %w", k, want.Event.Kind, got.Err)
	case slices.Equal(got.Commands, want.Commands):
		return nil
	case since < 0:
		return fmt.Errorf("event %d (%s): through gRPC the commands are\n%+v\nbefore they were\n%+v", k, want.Event.Kind, got.Commands, want.Commands)
	}
	return fmt.Errorf("event %d (%s): restored after event %d the commands are\n%+v\nwithout a break\n%+v\nIs all of the state saved?",
		k, want.Event.Kind, since, got.Commands, want.Commands)
}

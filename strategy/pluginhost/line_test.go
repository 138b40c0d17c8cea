//go:build unix

package pluginhost_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// proves PL5: what a plugin sends by the line beside its answers ends it, with an
// error that says what came.
func TestHostileLines(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]struct {
		kind pluginhost.Kind
		text string
	}{
		"chatter": {pluginhost.Garbage, "a frame of kind"},
		"future":  {pluginhost.Garbage, "it is of round 99 and not 1"},
		"endless": {pluginhost.Garbage, "with 4294967295 bytes"},
		"deaf":    {pluginhost.Crashed, "the line is lost: EOF"},
	} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			host, p := serving(t, pluginhost.Config{})
			bystander, err := host.Process(t.Context(), "hostile", "bystander")
			if err != nil {
				t.Fatal(err)
			}
			beside := candle(0, open(t, bystander, input(""))...)
			wantKind(t, p.Live(t.Context(), candle(0, open(t, p, input(at))...)), want.kind, want.text)
			<-p.Done()
			wantKind(t, p.Err(), want.kind, want.text)
			if err := bystander.Live(t.Context(), beside); err != nil || beside.Reactions[0].Commands[0].Text != "candle 1" {
				t.Errorf("the one beside it reacts with %+v, %v", beside.Reactions, err)
			}
		})
	}
}

// A round that takes long does not keep others waiting: they go by gRPC.
func TestRoundsPassOneThatHangs(t *testing.T) {
	t.Parallel()
	_, p := serving(t, pluginhost.Config{CallTimeout: time.Hour})
	bots := open(t, p, input("hang"), input(""))
	ctx, cancel := context.WithCancel(t.Context())
	hung := make(chan error, 1)
	go func() { hung <- p.Live(ctx, candle(0, bots[0])) }()
	for i, want := range []string{"candle 1", "candle 2", "candle 3"} {
		round := candle(int64(i), bots[1])
		if err := p.Live(t.Context(), round); err != nil || round.Reactions[0].Commands[0].Text != want {
			t.Fatalf("beside one that hangs: %+v, %v", round.Reactions, err)
		}
	}
	cancel()
	if err := <-hung; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller that gave up got %v", err)
	}
	if err := p.Err(); err != nil {
		t.Errorf("that a caller gave up has ended the process: %v", err)
	}
}

// The answer to a round that its caller gave up is nobody else's.
func TestRoundThatWasGivenUp(t *testing.T) {
	t.Parallel()
	_, p := serving(t, pluginhost.Config{})
	bots := open(t, p, input("slow"), input(""))
	for i, want := range []string{"candle 1", "candle 2", "candle 3"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := p.Live(ctx, candle(int64(i), bots[0]))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the caller that gave up got %v", err)
		}
		round := candle(int64(i), bots[1])
		if err := p.Live(t.Context(), round); err != nil || round.Reactions[0].Commands[0].Text != want {
			t.Fatalf("after a round that was given up: %+v, %v", round.Reactions, err)
		}
	}
}

// A plugin that was built before there were lines is served as before, and a
// large round is one as a small one is.
func TestRoundsWithAndWithoutALine(t *testing.T) {
	t.Parallel()
	const bots = 6000
	for _, mode := range []string{"serve", "without a line"} {
		host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{hostile(mode)}})
		p, err := host.Process(t.Context(), "hostile", "shared")
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Manifest().Can(plugin.LiveLine); got != (mode == "serve") {
			t.Errorf("%s: it has a line: %t", mode, got)
		}
		inputs := make([]strategy.OpenInput, bots)
		for i := range inputs {
			inputs[i] = input("")
		}
		inputs[bots/2] = input("panic")
		round := candle(0, open(t, p, inputs...)...)
		for range 2 {
			if err := p.Live(t.Context(), round); err != nil {
				t.Fatal(err)
			}
		}
		if err := round.Reactions[bots/2].Err; err == nil || !strings.Contains(err.Error(), "boom") {
			t.Errorf("%s: the bot that panicked has the error %v", mode, err)
		}
		for i, r := range round.Reactions {
			if i != bots/2 && (r.Err != nil || len(r.Commands) != 1 || r.Commands[0].Text != "candle 2") {
				t.Fatalf("%s: bot %d reacts with %+v", mode, i, r)
			}
		}
	}
}

package plugin

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// proves PL5 and PL7: a state that cannot be kept is its bot's error, also of one in a
// round with others, and one that nobody asked for is nothing.
func TestStatesOfAStranger(t *testing.T) {
	t.Parallel()
	large := `"` + strings.Repeat("x", strategy.MaxState) + `"`
	for name, c := range map[string]struct {
		state strategy.Snapshot
		fault string
	}{
		"a good one": {strategy.Snapshot{Version: 1, Data: []byte(`{"n":1}`)}, ""},
		"no JSON":    {strategy.Snapshot{Version: 1, Data: []byte(`{"n":`)}, "is not JSON"},
		"nothing":    {strategy.Snapshot{Version: 1}, "is not JSON"},
		"too large":  {strategy.Snapshot{Version: 1, Data: []byte(large)}, "has 1024 KiB, and may have 1024"},
		"no version": {strategy.Snapshot{Data: []byte(`{}`)}, "of version 0"},
		"below 0":    {strategy.Snapshot{Version: -7, Data: []byte(`{}`)}, "of version -7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answer []byte
			for i := range 3 {
				answer = wire.AppendReaction(answer, i, nil, "", &c.state)
			}
			answer = wire.AppendReaction(answer, 3, []strategy.Command{{Kind: strategy.NoteCommand, Text: "on"}}, "", nil)
			r := &Round{Reactions: make([]Reaction, 4), asked: []bool{true, false, true, false}}
			if err := r.read(answer); err != nil {
				t.Fatal(err)
			}
			for i, got := range r.Reactions {
				var fault *BotError
				switch refused := errors.As(got.Err, &fault); {
				case i == 3 && (refused || len(got.Commands) != 1):
					t.Errorf("the one beside them: %+v", got)
				case !r.asked[i] && (refused || got.Snapshot != nil):
					t.Errorf("bot %d, which was not asked: %+v", i, got)
				case r.asked[i] && (refused != (c.fault != "") || (got.Snapshot == nil) != refused || (refused && !strings.Contains(fault.Text, c.fault))):
					t.Errorf("bot %d: %+v (%v)", i, got.Snapshot, got.Err)
				}
			}
		})
	}
}

// proves PL5: what a plugin says is wrong is kept short, whatever it says.
func TestErrorsWithoutAnEnd(t *testing.T) {
	t.Parallel()
	endless := strings.Repeat("\xff", 1<<20)
	opened := openedOf(&pluginpb.OpenReply_Bot{
		Error: endless, Faults: []*pluginpb.OpenReply_Fault{{Name: endless, Reason: endless}},
	}, &pluginpb.OpenRequest_Bot{})
	var faults param.Errors
	if !errors.As(opened.Err, &faults) || len(faults) != 1 {
		t.Fatalf("it gives %T", opened.Err)
	}
	r := &Round{Reactions: make([]Reaction, 1), asked: []bool{false}}
	var failed *BotError
	if err := r.read(wire.AppendReaction(nil, 0, nil, strings.Repeat("x", 4*wire.MaxText), nil)); err != nil || !errors.As(r.Reactions[0].Err, &failed) {
		t.Fatalf("a reaction gives %v (%v)", r.Reactions[0].Err, err)
	}
	for _, text := range []string{opened.Err.(*BotError).Text, faults[0].Name, faults[0].Reason, failed.Text} { //nolint:errorlint // it has faults
		if len(text) > wire.MaxText || !utf8.ValidString(text) {
			t.Errorf("a text of %d bytes is kept", len(text))
		}
	}
}

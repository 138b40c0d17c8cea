package strategytest

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// Conformance proves what every host relies on, in subtests: the defaults are
// valid, the same events give the same commands in process and through gRPC
// (rule PL1), a snapshot restored after any event goes on identically (of a long
// warm-up only some are tried), and no
// market of Conformance's own makes the strategy panic or say what the wire
// refuses.
func Conformance(t *testing.T, def strategy.Definition) {
	t.Helper()
	t.Run("defaults are valid", func(t *testing.T) {
		t.Parallel()
		checkDefaults(t, def)
	})
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			steps := record(t, def, sc)
			if again := record(t, def, sc); !slices.EqualFunc(steps, again, sameCommands) {
				t.Fatal("the same events gave other commands: does the strategy use a clock, chance or a map's order?")
			}
			client, stop, err := plugin.Loopback(def)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			resume(t, client, steps)
		})
	}
}

func sameCommands(a, b Step) bool {
	return a.Event == b.Event && slices.Equal(a.Commands, b.Commands)
}

func checkDefaults(t *testing.T, def strategy.Definition) {
	t.Helper()
	if _, err := def.Schema().Validate(nil); err != nil {
		t.Errorf("the defaults are not valid: %v", err)
	}
	instance, err := def.Open(strategy.OpenInput{Interval: openInput(nil).Interval, Market: Market()})
	if err != nil {
		t.Fatalf("opening with the defaults: %v", err)
	}
	if w := instance.Warmup(); w > 100_000 {
		t.Errorf("a warm-up of %d candles is more than a host gives", w)
	}
	raw, err := json.Marshal(def.Schema())
	if err != nil {
		t.Fatalf("writing the schema: %v", err)
	}
	var read param.Schema
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatalf("a host cannot read the schema: %v", err)
	}
	for _, f := range read.Fields() {
		if f.Label == "" {
			t.Errorf("parameter %s has no label", f.Name)
		}
	}
}

// warmRestores is how many snapshots of the warm-up are restored at most; all of
// a long one would take the square of its length.
const warmRestores = 30

// resume plays the recording to a bot from the beginning, and to one more from
// each of its snapshots on. All must say what was recorded.
func resume(t *testing.T, client *plugin.Client, steps []Step) {
	t.Helper()
	warm := 0
	for warm < len(steps) && steps[warm].View.Warming {
		warm++
	}
	stride := 1 + warm/warmRestores
	bots := []uint64{openBot(t, client, 1, nil)}
	for k, s := range steps {
		d := plugin.Delivery{Event: s.Event}
		for i, bot := range bots {
			d.Bots = append(d.Bots, plugin.Recipient{Bot: bot, View: &steps[k].View, Snapshot: i == 0})
		}
		round := &plugin.Round{Deliveries: []plugin.Delivery{d}}
		if err := client.Live(t.Context(), round); err != nil {
			t.Fatal(err)
		}
		for i, r := range round.Reactions {
			switch {
			case r.Err != nil:
				t.Fatalf("event %d (%s): %v", k, s.Event.Kind, r.Err)
			case slices.Equal(r.Commands, s.Commands):
			case i == 0:
				t.Fatalf("event %d (%s): through gRPC the commands are\n%+v\nin process\n%+v", k, s.Event.Kind, r.Commands, s.Commands)
			default:
				t.Fatalf("event %d (%s): restored after event %d the commands are\n%+v\nwithout a break\n%+v\nIs all of the state saved?",
					k, s.Event.Kind, bots[i]-2, r.Commands, s.Commands)
			}
		}
		snapshot := round.Reactions[0].Snapshot
		if snapshot == nil || !json.Valid(snapshot.Data) {
			t.Fatalf("event %d: the state is not JSON", k)
		}
		if k >= warm || k%stride == 0 {
			bots = append(bots, openBot(t, client, uint64(k)+2, snapshot))
		}
	}
}

func openBot(t *testing.T, client *plugin.Client, number uint64, snapshot *strategy.Snapshot) uint64 {
	t.Helper()
	opened, err := client.Open(t.Context(), []plugin.OpenBot{{Bot: number, OpenInput: openInput(snapshot)}})
	if err != nil {
		t.Fatal(err)
	}
	if opened[0].Err != nil {
		t.Fatalf("opening from the snapshot of event %d: %v", int(number)-2, opened[0].Err)
	}
	return number
}

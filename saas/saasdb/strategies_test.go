package saasdb_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// strategyEntry is an entry of the catalog with a manifest.
func strategyEntry(t *testing.T, name, version string) catalog.Entry {
	t.Helper()
	schema, err := param.Of(struct {
		Fast int `param:"fast" label:"Fast" validate:"min=1"`
	}{10})
	if err != nil {
		t.Fatal(err)
	}
	return catalog.Entry{
		Ref: catalog.Ref{Name: name, Version: version}, SHA256: "00ff", Size: 17, Publisher: "Ada",
		Manifest: plugin.Manifest{
			Info: strategy.Info{Name: name, Version: version, Title: "T", StateVersion: 2}, Schema: schema, SDK: "0.1.0", Protocols: []int{1},
			Capabilities: []plugin.Capability{plugin.Live},
		},
		Status: catalog.Installed, Isolation: catalog.PerTenant, InstalledBy: "root", InstalledAt: start(),
	}
}

func TestStrategyVersions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		first, second := strategyEntry(t, "demo", "1.0.0"), strategyEntry(t, "demo", "1.1.0")
		second.InstalledAt = start().Add(time.Hour)
		for _, e := range []catalog.Entry{second, first, strategyEntry(t, "another", "3.0.0")} {
			if err := s.InsertEntry(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, s.InsertEntry(ctx, first), errs.Conflict, "strategy_version_exists")
		got, err := s.Entry(ctx, first.Ref)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the entry", got, first)
		first.Status, first.ApprovedBy, first.ApprovedAt, first.Isolation = catalog.Approved, "ada", start().Add(time.Minute), catalog.PerBot
		if err := s.UpdateEntry(ctx, first); err != nil {
			t.Fatal(err)
		}
		list, err := s.Entries(ctx)
		if err != nil || len(list) != 3 {
			t.Fatalf("%d entries, %v", len(list), err)
		}
		same(t, "the entries of a name", list[1:], []catalog.Entry{first, second})
		if err := s.DeleteEntry(ctx, second.Ref); err != nil {
			t.Fatal(err)
		}
		wantCode(t, s.DeleteEntry(ctx, second.Ref), errs.NotFound, "strategy_version_not_found")
		wantCode(t, s.UpdateEntry(ctx, second), errs.NotFound, "strategy_version_not_found")
		_, err = s.Entry(ctx, second.Ref)
		wantCode(t, err, errs.NotFound, "strategy_version_not_found")
	})
}

func TestManifestThatCannotBeReadHurtsNoOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		bad, good := strategyEntry(t, "bad", "1.0.0"), strategyEntry(t, "good", "1.0.0")
		var schema param.Schema
		if err := json.Unmarshal([]byte(`{"fields":[]}`), &schema); err != nil {
			t.Fatal(err)
		}
		bad.Manifest.Schema = nil
		for _, e := range []catalog.Entry{bad, good} {
			if err := s.InsertEntry(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.Entries(t.Context())
		if err != nil || len(list) != 2 || list[0].Manifest.Schema != nil || list[1].Manifest.Schema == nil {
			t.Errorf("the entries are %+v, %v", list, err)
		}
	})
}

func TestStrategyChangesAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		var want []catalog.Change
		for i, action := range []string{catalog.EventInstalled, catalog.EventApproved, catalog.EventRevoked} {
			c := catalog.Change{
				ID: id(), Ref: catalog.Ref{Name: "demo", Version: "1.0.0"}, SHA256: "00ff", Action: action, Actor: "ada", Note: "n",
				At: start().Add(time.Duration(i) * time.Minute),
			}
			if err := s.AddChange(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			want = append([]catalog.Change{c}, want...)
		}
		got, err := s.Changes(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the log", got, want[:2])
	})
}

func TestPins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		_, a := newBot(t, s, "a")
		_, b := newBot(t, s, "b")
		want := []catalog.Pin{{TenantID: "a", BotID: a.ID, Name: "First"}, {TenantID: "b", BotID: b.ID, Name: "First"}}
		for ref, want := range map[catalog.Ref][]catalog.Pin{
			{Name: "basic", Version: "1.0.0"}: want,
			{Name: "basic", Version: "1.1.0"}: want, // they are to be upgraded to it
			{Name: "basic", Version: "1.2.0"}: nil,
			{Name: "other", Version: "1.0.0"}: nil,
		} {
			got, err := s.Pins(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			same(t, ref.String(), got, want)
		}
	})
}

func TestUses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		if got, err := s.Uses(ctx); err != nil || len(got) != 0 {
			t.Errorf("without bots: %+v, %v", got, err)
		}
		newBot(t, s, "a")
		c, b := newBot(t, s, "b")
		c.StrategyVersion, c.Upgrade = "", bot.Upgrade{}
		if _, err := s.UpdateConfig(ctx, "b", c); err != nil {
			t.Fatal(err)
		}
		b.Desired = true
		if err := s.UpdateBot(ctx, "b", b); err != nil {
			t.Fatal(err)
		}
		got, err := s.Uses(ctx)
		if err != nil {
			t.Fatal(err)
		}
		ref := func(version string) catalog.Ref { return catalog.Ref{Name: "basic", Version: version} }
		same(t, "the uses", got, []catalog.Use{
			{Ref: ref(""), Bots: 1, Running: 1}, {Ref: ref("1.0.0"), Bots: 1}, {Ref: ref("1.1.0"), Bots: 1}, // one is to be upgraded to it
		})
	})
}

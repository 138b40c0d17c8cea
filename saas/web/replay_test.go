package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/tenancy"
)

// replays are those of one bot, which another one's owner does not see.
type replays struct {
	now    *replay.Replay
	refuse error
}

func (r *replays) Request(ctx context.Context, p tenancy.Principal, botID string) (replay.Replay, error) {
	if r.refuse != nil {
		return replay.Replay{}, r.refuse
	}
	r.now = &replay.Replay{BotID: botID, Status: replay.Queued}
	return r.Replay(ctx, p, botID)
}

func (r *replays) Replay(_ context.Context, _ tenancy.Principal, botID string) (replay.Replay, error) {
	if r.now == nil {
		return replay.Replay{}, errs.New(errs.NotFound, "replay_not_found", "no replay %q", botID)
	}
	return *r.now, nil
}

// proves PL2: the bot's page says that a replay is identical, or shows the first
// difference in plain words.
func TestReplayOnABotsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kept := &replays{refuse: errs.New(errs.Conflict, "nothing_to_replay", "nothing was recorded of First")}
	cfg := w.config()
	cfg.Replays = kept
	server := serve(t, cfg)
	ada := w.member(t, server, "ada@example.com")
	bot := "/bots/" + ada.newBot("First")
	ask := func() answer {
		return ada.do(http.MethodPost, bot+"/replay", url.Values{}, map[string]string{"Origin": ada.url, "Sec-Fetch-Site": "same-origin", "HX-Request": "true"})
	}
	must := func(body string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(body, text) {
				t.Errorf("%q is not in\n%s", text, body)
			}
		}
	}
	must(ada.get(bot).body, `id="tab-replay"`, ">Replay</button>")
	must(ask().body, "Nothing was recorded of First")
	kept.refuse = nil
	must(ask().body, "Waiting to be replayed.", `hx-get="`+bot+`/replay"`)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	kept.now.Status, kept.now.Report = replay.Done, &replay.Report{
		From: at, To: at.Add(1_234 * time.Minute), Candles: 1_234, Events: []replay.Event{{Time: at, Kind: replay.Restarted, Text: "Its worker was started again <once>."}},
	}
	must(ada.get(bot+"/replay").body, "Replayed 1,234 candles: identical.", "banner ok", "started again &lt;once&gt;", "Replay again", "1 Mar 2026, 12:00")
	kept.now.Report.Difference = &parity.Difference{Cause: parity.Version, Time: at, Recorded: "order 1: buy 1 XBT at market", Detail: "The bot ran version 1.0.0."}
	must(ada.get(bot+"/replay").body, "banner bad", "At 2026-03-01 12:00 UTC the bot did more than the replay: order 1: buy 1 XBT at market.")
	if a := ada.post(bot+"/replay", url.Values{}); a.status != http.StatusSeeOther || a.header.Get("Location") != bot {
		t.Errorf("%d to %s without scripts", a.status, a.header.Get("Location"))
	}
	if a := w.member(t, server, "eve@example.com").get("/bots/0197e1a2-6f00-7a00-8000-000000000000"); a.status != http.StatusNotFound {
		t.Errorf("a bot that never was: %d", a.status)
	}
}

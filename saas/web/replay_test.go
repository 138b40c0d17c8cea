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
	// The button keeps its id while it waits, so that whoever pressed it by keyboard keeps the place.
	must(ada.get(bot).body, `type="submit" id="replay-ask"`)
	must(ask().body, "Waiting to be replayed.", `hx-get="`+bot+`/replay"`, `type="button" id="replay-ask" aria-disabled="true"`)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	kept.now.Status, kept.now.Report = replay.Done, &replay.Report{
		From: at, To: at.Add(1_234 * time.Minute), Candles: 1_234, Events: []replay.Event{{Time: at, Kind: replay.Restarted, Text: "Its worker was started again <once>."}},
	}
	must(ada.get(bot+"/replay").body, "Replayed 1,234 candles: identical.", "banner ok", "started again &lt;once&gt;", "Replay again", "1 Mar 2026, 12:00")
	if body := ada.get(bot + "/replay").body; strings.Contains(body, "Slippage") {
		t.Errorf("a bot on paper has slippage: %s", body)
	}
	kept.now.Report.Slippage = slipped(at)
	must(ada.get(bot+"/replay").body, "Slippage against simulation", "0.05 % worse", "−11.14", "−0.239 % of 4,666.50 MYR", "−12.50", "&#43;1.36", "1.25 s",
		"1 traded by the exchange alone, 1 denied or rejected", "250,900", "249,300", "−16.00", "&#43;4.86", "2.00 s", "not enough &lt;money&gt;", "protective exit", "not traded in the simulation")
	kept.now.Report.Difference = &parity.Difference{Cause: parity.Version, Time: at, Recorded: "order 1: buy 1 XBT at market", Detail: "The bot ran version 1.0.0."}
	must(ada.get(bot+"/replay").body, "banner bad", "At 2026-03-01 12:00 UTC the bot did more than the replay: order 1: buy 1 XBT at market.")
	if a := ada.post(bot+"/replay", url.Values{}); a.status != http.StatusSeeOther || a.header.Get("Location") != bot {
		t.Errorf("%d to %s without scripts", a.status, a.header.Get("Location"))
	}
	if a := w.member(t, server, "eve@example.com").get("/bots/0197e1a2-6f00-7a00-8000-000000000000"); a.status != http.StatusNotFound {
		t.Errorf("a bot that never was: %d", a.status)
	}
}

// slipped is what a report may say about orders at an exchange.
func slipped(at time.Time) *parity.Slippage {
	return &parity.Slippage{
		Currency: "MYR", Orders: 2, Turnover: dec("4666.5"), Price: dec("12.5"), Fee: dec("-1.36"), Delay: 1_250 * time.Millisecond, OnlyThere: 1, Refused: 1,
		Compared: []parity.Compared{
			{Number: 4, Pair: "XBTMYR", Side: "buy", Type: "market", Time: at.Add(3 * time.Minute), Here: parity.Outcome{Volume: dec("0.1"), Price: dec("250100")}, Reason: "not enough <money>"},
			{Number: 3, Pair: "XBTMYR", Side: "sell", Type: "limit", Time: at.Add(2 * time.Minute), There: parity.Outcome{Volume: dec("0.01"), Price: dec("251000"), Delay: time.Second}},
			{
				Number: 2, Pair: "XBTMYR", Side: "sell", Type: "market", Exit: true, Time: at.Add(time.Minute), Price: dec("-3.5"), Fee: dec("-1.36"),
				There: parity.Outcome{Volume: dec("0.01"), Price: dec("250400"), Delay: 500 * time.Millisecond}, Here: parity.Outcome{Volume: dec("0.01"), Price: dec("250050")},
			},
			{
				Number: 1, Pair: "XBTMYR", Side: "buy", Type: "market", Time: at, Price: dec("16"),
				There: parity.Outcome{Volume: dec("0.01"), Price: dec("250900"), Delay: 2 * time.Second}, Here: parity.Outcome{Volume: dec("0.01"), Price: dec("249300")},
			},
		},
	}
}

// replayed makes a report of a bot, as a worker would.
func (w *world) replayed(t testing.TB, b *browser, botID string, report replay.Report) {
	t.Helper()
	tenantID := b.who.TenantID
	if _, err := w.runs.RequestReplay(t.Context(), tenantID, botID, w.now()); err != nil {
		t.Fatal(err)
	}
	r, claimed, err := w.runs.ClaimReplay(t.Context(), w.now(), w.now().Add(time.Hour))
	if err != nil || !claimed || r.BotID != botID {
		t.Fatalf("claimed %+v, %v", r, err)
	}
	r.Status, r.Report, r.FinishedAt = replay.Done, &report, w.now()
	if err := w.runs.UpdateReplay(t.Context(), tenantID, r, w.now()); err != nil {
		t.Fatal(err)
	}
}

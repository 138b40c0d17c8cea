package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// parity asks for a report of a bot, of which a baseline is there, and makes one
// as a worker would.
func (b *bench) parity(token, botID string, report replay.Report) {
	b.t.Helper()
	b.work(token, botID, func(e *journal.Entry) {
		e.Baseline = &journal.Baseline{Run: 1, Sequence: 1, MarketTime: b.clock.Now(), Body: json.RawMessage(`{}`)}
	})
	b.call("POST", bots+"/"+botID+"/parity", token, "").want(202, `"status":"queued"`, `"identical":null`, "Waiting")
	r, ok, err := b.store.ClaimReplay(b.t.Context(), b.clock.Now(), b.clock.Now().Add(time.Minute))
	must(b.t, err)
	if !ok || r.BotID != botID {
		b.t.Fatalf("claimed %+v", r)
	}
	b.call("POST", bots+"/"+botID+"/parity", token, "").want(202, `"status":"running"`)
	r.Status, r.Report, r.FinishedAt = replay.Done, &report, b.clock.Now()
	must(b.t, b.store.UpdateReplay(b.t.Context(), r.TenantID, r, b.clock.Now()))
}

// proves PL2: the report says that all is identical, or names the first
// difference and its cause.
func TestParity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	_, botID := b.create(token)
	path := bots + "/" + botID + "/parity"
	b.call("GET", path, token, "").want(404, "replay_not_found")
	b.call("POST", path, token, "").want(409, "nothing_to_replay", "it has not run yet")
	b.call("POST", path, b.member(token, "viewer@example.com", "viewer"), "").want(403)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	report := replay.Report{
		From: at, To: at.Add(12_345 * time.Minute), Candles: 12_345, Acts: 7,
		Events: []replay.Event{{Time: at, Kind: replay.Restarted, Text: "Its worker was started again."}},
	}
	b.parity(token, botID, report)
	b.call("GET", path, token, "").want(200, `"identical":true`, "Replayed 12,345 candles: identical.", `"kind":"restarted"`, `"acts":7`)
	report.Slippage = &parity.Slippage{
		Currency: "MYR", Orders: 1, Turnover: decimal.RequireFromString("2000"), Price: decimal.RequireFromString("3.5"), Fee: decimal.RequireFromString("-1"),
		Delay: 1_250 * time.Millisecond, Compared: []parity.Compared{{Number: 7, Pair: "XBTMYR", Side: "buy", Type: "limit", Time: at, Reason: "taken back"}},
	}
	report.Difference = &parity.Difference{
		Cause: parity.Venue, Time: at.Add(time.Hour), Recorded: "order 1: bought 2 XBT at 10", Replayed: "order 1: bought 2 XBT at 11", Detail: "The same orders met another answer of the venue.",
	}
	b.parity(token, botID, report)
	b.call("GET", path, token, "").want(200, `"identical":false`, `"cause":"venue"`, "At 2026-03-01 13:00 UTC the bot did: order 1: bought 2 XBT at 10. The replay did:",
		`"cost":"2.5"`, `"delay_ms":1250`, `"simulated_slippage":"0.0005"`, `"number":7`, `"reason":"taken back"`)
}

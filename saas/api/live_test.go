package api_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/tenancy"
)

// trade writes into a bot's journal of live orders as a worker would.
func (b *bench) trade(token, botID string, fill func(e *journal.LiveEntry)) {
	b.t.Helper()
	e := journal.LiveEntry{TenantID: b.tenant(token), BotID: botID}
	e.Epoch = b.hold(e.TenantID, botID)
	fill(&e)
	refused, err := b.store.CommitLive(b.t.Context(), e)
	must(b.t, errors.Join(append(refused, err)...))
}

// funded connects an account that is checked and holds an amount of MYR.
func (b *bench) funded(token, held string) string {
	b.t.Helper()
	id, tenantID := b.connect(token), b.tenant(token)
	a, err := b.store.Account(b.t.Context(), tenantID, id)
	must(b.t, err)
	a.State, a.Reason, a.BalancesAt = account.Connected, "", b.clock.Now()
	a.Balances = []account.Balance{{Currency: "MYR", Total: d(held), Free: d(held)}}
	must(b.t, b.store.UpdateAccount(b.t.Context(), tenantID, a))
	return id
}

func TestGoLive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	configID, id := b.create(token)
	one := bots + "/" + id
	b.call("POST", one+"/live/preview", token, `{}`).want(200, `"obstacles":[{"code":"invalid_input"`, `"pointer":"/account_id"`, `"needs_waiver":true`, `"held_at":null`)
	accountID := b.funded(token, "1500.25")
	with := func(more string) string { return `{"account_id":"` + accountID + `"` + more + `}` }
	b.call("POST", one+"/live/preview", token, with("")).want(200, `"code":"allocation_unavailable"`, `"free":"1500.25"`, `"balance":"10000"`)
	b.call("POST", one+"/live", token, with(`,"confirm":"Cross","waive":true`)).want(409, `"code":"allocation_unavailable"`, `"free":"1500.25"`, `"held":"1500.25"`, `"currency":"MYR"`)
	b.call("POST", one+"/live/preview", token, with(`,"balance":"1500.25"`)).want(200, `"obstacles":[]`, `"account":"Mine"`, `"currency":"MYR"`, `"paper_fee_percent":"0.25"`, `"seconds":0`)
	right := `,"balance":"1500.25","confirm":"Cross"`
	b.call("POST", one+"/live", token, with(right)).want(409, `"code":"paper_run_missing"`)
	b.call("POST", one+"/live", token, with(`,"balance":1500.25,"confirm":"cross","waive":true`)).want(422, `"pointer":"/confirm"`)
	b.call("POST", one+"/live", token, with(`,"waive":true`)).want(422, `"pointer":"/confirm"`, "is required")
	b.call("POST", one+"/live", token, with(right+`,"waive":true`), "If-Match", `"7"`).want(412, `"code":"config_changed"`)
	live := b.call("POST", one+"/live", token, with(right+`,"waive":true`), "If-Match", `"1"`).want(200, `"mode":"live"`, accountID, `"balance":"1500.25"`)
	if live.Header.Get("ETag") != `"2"` {
		t.Errorf("its tag is %s", live.Header.Get("ETag"))
	}
	b.call("GET", one, token, "").want(200, `"mode":"live"`, `"account_id":"`+accountID)
	b.call("POST", one+"/live", token, with(right+`,"waive":true`)).want(409, `"code":"bot_live"`)
	b.call("DELETE", one, token, "").want(409, `"code":"bot_live"`)
	b.call("DELETE", accounts+"/"+accountID, token, "").want(409, `"code":"account_in_use"`)
	b.call("PATCH", configs+"/"+configID, token, `{"balance":"1500.26"}`).want(409, `"code":"allocation_unavailable"`)
	b.call("PATCH", configs+"/"+configID, token, `{"interval":"1h"}`).want(409, `"code":"paper_run_missing"`)
	b.call("PATCH", configs+"/"+configID, token, `{"interval":"1h","waive":true,"confirm":"cross"}`).want(422, `"pointer":"/confirm"`)
	b.call("PATCH", configs+"/"+configID, token, `{"name":"Cross"}`).want(200)
	trader := b.member(token, "t@example.com", "trader")
	b.call("POST", one+"/paper", trader, "").want(403, `"permission":"accounts.write"`)
	b.call("POST", one+"/live/preview", trader, `{}`).want(403, `"permission":"accounts.write"`)
	b.call("PATCH", configs+"/"+configID, trader, `{"interval":"1h","waive":true,"confirm":"Cross"}`).want(403, `"permission":"accounts.write"`)
	b.call("PATCH", configs+"/"+configID, token, `{"interval":"1h","waive":true,"confirm":"Cross"}`).want(200, `"interval":"1h"`, `"mode":"live"`)
	b.call("PATCH", configs+"/"+configID, trader, `{"risk":{"stop_loss_percent":"5"}}`).want(200, `"stop_loss_percent":"5"`)
	b.call("PATCH", configs+"/"+configID, trader, `{"risk":{"stop_loss_percent":"6"}}`).want(403, `"code":"bounds_loosened"`, `"bounds":["stop-loss"]`)
	b.call("PATCH", configs+"/"+configID, token, `{"risk":{"stop_loss_percent":"6"}}`).want(200, `"stop_loss_percent":"6"`)
	b.call("POST", one+"/paper", token, "", "If-Match", `"1"`).want(412)
	b.call("POST", one+"/paper", token, "", "If-Match", `"6"`).want(200, `"mode":"paper"`, `"account_id":""`)
	b.call("POST", one+"/paper", token, "").want(409, `"code":"bot_on_paper"`)
	b.call("DELETE", accounts+"/"+accountID, token, "").want(204)
}

// Orders that an exchange has forgotten are seen and written off by who may.
func TestWriteOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	_, id := b.create(token)
	one := bots + "/" + id
	b.call("GET", one+"/write-off", token, "").want(200, `"orders":[]`, `"code":"bot_on_paper"`)
	accountID := b.funded(token, "1500")
	b.call("POST", one+"/live", token, `{"account_id":"`+accountID+`","balance":"1000","confirm":"Cross","waive":true}`).want(200)
	b.trade(token, id, func(e *journal.LiveEntry) {
		e.Orders = []journal.LiveOrder{{Order: journal.Order{ClientID: "lb.x.1", Number: 1, Side: "sell", Volume: d("0.5"), State: journal.Open, CreatedAt: b.clock.Now(), UpdatedAt: b.clock.Now()}, Account: accountID, Pair: "XBTMYR", VenueID: "BX7"}}
		e.Books = []journal.Book{{BotID: id, Account: accountID, Pair: "XBTMYR", BaseCurrency: "XBT", CounterCurrency: "MYR", Base: d("0.5")}}
		e.Check = &journal.Check{Account: accountID, At: b.clock.Now(), Differences: []journal.Difference{{Kind: journal.OrderMissing, Subject: "lb.x.1", Since: b.clock.Now(), Confirmed: true}}}
	})
	b.call("POST", one+"/paper", token, "").want(409, `"code":"orders_unsettled"`, "write off")
	b.clock.Move(2 * time.Hour)
	token = b.call("POST", "/api/v1/auth/login", "", `{"email":"ada@example.com","password":"correct horse battery"}`).want(200).text("access_token")
	b.call("GET", one+"/write-off", token, "").want(200, `"venue_id":"BX7"`, `"missed_since":"2026-01-31T09:00:00Z"`, `"amount":"0.5"`, `"ground":"the exchange does not know it`, `"obstacles":[]`, `"compared_at":"2026-01-31T09:00:00Z"`)
	for _, role := range []tenancy.Role{tenancy.Viewer, tenancy.Trader} {
		other := b.member(token, string(role)+"@example.com", role)
		b.call("GET", one+"/write-off", other, "").want(403)
		b.call("POST", one+"/write-off", other, `{"confirm":"Cross"}`).want(403)
	}
	b.call("POST", one+"/write-off", token, `{"confirm":"Corss"}`).want(422, `"pointer":"/confirm"`)
	b.call("POST", one+"/write-off", token, `{"confirm":"Cross"}`, "If-Match", `"1"`).want(412)
	b.call("POST", one+"/write-off", token, `{"confirm":"Cross"}`, "If-Match", `"2"`).want(200, `"mode":"paper"`, `"account_id":""`)
	b.call("GET", one+"/live/orders/1", token, "").want(200, `"state":"cancelled"`, `"settled":true`, `"cause":"written off: the exchange does not know it`)
	b.call("DELETE", accounts+"/"+accountID, token, "").want(204)
	b.call("DELETE", one, token, "").want(204)
}

// What paper made of the money is not told of a live bot.
func TestLiveBotBeginsAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	_, id := b.create(token)
	b.work(token, id, func(e *journal.Entry) {
		e.Checkpoint = &journal.Checkpoint{Run: 1, Sequence: 1, State: []byte(`{}`), Summary: journal.Summary{Equity: d("9999")}}
	})
	b.call("GET", bots+"/"+id, token, "").want(200, `"equity":"9999"`)
	b.call("POST", bots+"/"+id+"/live", token, `{"account_id":"`+b.funded(token, "100")+`","balance":"100","confirm":"Cross","waive":true}`).want(200)
	if got := b.call("GET", bots+"/"+id, token, "").want(200); got.get("summary") != nil {
		t.Errorf("live it has the summary of its paper run: %s", got.Body)
	}
}

func TestLiveOrders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	_, id := b.create(token)
	one, now := bots+"/"+id+"/live", b.clock.Now()
	b.call("GET", one+"/orders", token, "").want(200, `"items":[]`, `"next_cursor":null`)
	b.call("GET", one+"/reconciliation", token, "").want(404, `"code":"check_not_found"`)
	b.call("POST", one+"/resume", token, "").want(409, `"code":"not_paused"`)
	order := func(number int64, state journal.OrderState, reason string) journal.LiveOrder {
		return journal.LiveOrder{
			Order: journal.Order{
				ClientID: "lb.x." + string(state), Number: number, Side: "buy", Type: "limit", Price: d("250000"), Volume: d("0.5"), TimeInForce: "GTC", State: state, Reason: reason,
				Filled: d("0.1"), CreatedAt: now, UpdatedAt: now,
			},
			Account: "acc", Pair: "XBTMYR", VenueID: "BX7", Told: d("0.2"), CancelAsked: now,
		}
	}
	b.trade(token, id, func(e *journal.LiveEntry) {
		e.Orders = []journal.LiveOrder{order(1, journal.Denied, "below the least volume"), order(2, journal.Rejected, "not enough money"), order(3, journal.PartiallyFilled, "")}
		e.Transitions = []journal.Transition{
			{Order: 3, Event: 1, To: journal.Submitted, Cause: "intent", At: now}, {Order: 3, Event: 2, From: journal.Submitted, To: journal.PartiallyFilled, Cause: "the exchange says so", At: now},
		}
		e.Fills = []journal.LiveFill{{Order: 3, Event: 3, Pair: "XBTMYR", Fill: journal.Fill{Sequence: 77, Side: "buy", Price: d("249000"), Volume: d("0.1"), Value: d("24900"), FeeCounter: d("1.5"), Time: now}}}
		e.Foreign = []journal.ForeignOrder{{Pair: "XBTMYR", VenueID: "BX9", Side: "sell", Price: d("1"), Volume: d("2"), FoundAt: now}}
		e.Check = &journal.Check{
			Account: "acc", At: now.Add(-12 * time.Second), Open: 1, Foreign: 1, Paused: "the account holds less", Failed: []string{"BX8 could not be cancelled"},
			Trades:      []journal.ForeignTrade{{Pair: "XBTMYR", Sequence: 5, Side: "sell", Price: d("1"), Volume: d("3"), At: now}},
			Differences: []journal.Difference{{Kind: journal.BalanceShort, Subject: "MYR", Text: "the account holds less", Since: now, Confirmed: true}},
		}
	})
	page := b.call("GET", one+"/orders?limit=2", token, "").want(200, `"number":3`, `"pair":"XBTMYR"`, `"state":"partially_filled"`, `"told":"0.2"`, `"state":"rejected"`, `"reason":"not enough money"`)
	b.call("GET", one+"/orders?limit=2&cursor="+page.text("next_cursor"), token, "").want(200, `"state":"denied"`, `"next_cursor":null`)
	b.call("GET", bots+"/"+id+"/orders?cursor="+page.text("next_cursor"), token, "").want(400) // proves O3
	b.call("GET", one+"/orders/3", token, "").want(200, `"from":"submitted","to":"partially_filled","cause":"the exchange says so"`, `"sequence":77,"from_totals":false`, `"fee_counter":"1.5"`, `"settled":false`)
	b.call("GET", one+"/orders/4", token, "").want(404, `"code":"order_not_found"`)
	b.call("GET", one+"/orders/three", token, "").want(404, `"code":"order_not_found"`, `no order \"three\"`)
	b.call("GET", one+"/reconciliation", token, "").want(200, `"age_seconds":12`, `"agrees":false`, `"paused":"the account holds less"`, `"venue_id":"BX9"`, `"decision":""`,
		`"kind":"balance_short"`, `"sequence":5`, `BX8 could not be cancelled`, `"resume_asked_at":null`)
	viewer := b.member(token, "v@example.com", "viewer")
	b.call("PUT", one+"/foreign/XBTMYR/BX9", viewer, `{"decision":"cancel"}`).want(403)
	b.call("POST", one+"/resume", viewer, "").want(403)
	b.call("PUT", one+"/foreign/XBTMYR/BX9", token, `{"decision":"eat"}`).want(422, `"pointer":"/decision"`)
	b.call("PUT", one+"/foreign/XBTMYR/BX1", token, `{"decision":"cancel"}`).want(404, `"code":"foreign_order_not_found"`)
	b.call("PUT", one+"/foreign/XBTMYR/BX9", token, `{"decision":"cancel"}`).want(204)
	b.call("POST", one+"/resume", token, "").want(202, `"decision":"cancel"`, `"resume_asked_at":"2026-01-31T09:00:00Z"`)
}

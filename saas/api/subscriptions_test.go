package api_test

import (
	"testing"
	"time"
)

const subscriptions = "/api/v1/subscriptions"

func TestPlans(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.call("GET", subscriptions+"/plans", "", "").want(200, `"amount":"29.99"`, `"currency":"USD"`, `"bots":"unlimited"`, `"api_calls_per_hour":1000`)
	items := r.get("items").([]any)
	if len(items) != 4 || items[0].(map[string]any)["id"] != "free" || items[3].(map[string]any)["number"] != 4.0 {
		t.Errorf("plans = %s", r.Body)
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		body string
		plan string
	}{
		"number":           {`{"plan_id":2}`, "basic"},
		"number as text":   {`{"plan_id":"3"}`, "premium"},
		"name":             {`{"plan_id":"Enterprise"}`, "enterprise"},
		"id":               {`{"plan_id":"basic"}`, "basic"},
		"space around":     {`{"plan_id":" Basic "}`, "basic"},
		"the present plan": {`{"plan_id":1}`, "free"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			token := b.register("ada@example.com")
			r := b.call("POST", subscriptions+"/upgrade", token, c.body).want(200)
			if r.text("subscription", "plan", "id") != c.plan || r.text("effective_at") != "2026-01-31T09:00:00Z" {
				t.Errorf("answer = %s", r.Body)
			}
			b.call("GET", subscriptions+"/current", token, "").want(200, `"id":"`+c.plan+`"`)
		})
	}
}

func TestUpgradeRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	for body, status := range map[string]int{
		`{}`: 422, `{"plan_id":null}`: 422, `{"plan_id":""}`: 422, `{"plan_id":5}`: 422, `{"plan_id":-1}`: 422, `{"plan_id":1.5}`: 422,
		`{"plan_id":"gold"}`: 422, `{"plan_id":[2]}`: 422, `{"plan_id":{"id":2}}`: 422, `{"plan_id":true}`: 422, `{"plan_id":99999999999999999999}`: 422,
		`{"plan_id":2,"immediately":true}`: 400, `{"plan_id":2,"plan_id":4}`: 400,
	} {
		b.call("POST", subscriptions+"/upgrade", token, body).want(status)
	}
	b.call("GET", subscriptions+"/current", token, "").want(200, `"id":"free"`)
}

func TestUsageAndInvoices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.create(token)
	b.call("GET", subscriptions+"/usage", token, "").want(200, `{"feature":"bots","used":1,"limit":1}`, `{"feature":"running_bots","used":0,"limit":1}`)
	for _, plan := range []string{"2", "3", "4"} {
		b.call("POST", subscriptions+"/upgrade", token, `{"plan_id":`+plan+`}`).want(200, `"reference":"INV-00000`, `"status":"open"`)
		b.clock.Move(time.Minute)
	}
	first := b.call("GET", subscriptions+"/invoices?limit=2", token, "").want(200, `"number":3`, `"number":2`)
	b.call("GET", subscriptions+"/invoices?limit=2&cursor="+first.text("next_cursor"), token, "").want(200, `"number":1`, `"next_cursor":null`)
	b.clock.Move(-3 * time.Minute)
	b.call("POST", subscriptions+"/upgrade", token, `{"plan_id":1}`).want(200, `"pending_plan":{"id":"free"`, `"effective_at":"2026-02-28T09:00:00Z"`)
}

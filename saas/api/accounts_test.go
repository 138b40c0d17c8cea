package api_test

import (
	"strings"
	"testing"
)

const accounts = "/api/v1/accounts"

// connect connects an exchange account and returns its id.
func (b *bench) connect(token string) string {
	b.t.Helper()
	return b.call("POST", accounts, token, `{"name":"Mine","venue":"luno","key_id":"canarykeywxyz","secret":"canarysecret"}`).want(201).text("id")
}

// proves X4, P12: the API takes a key and never shows it, whoever may see the
// account; owners and admins connect and disconnect.
func TestAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := b.register("ada@example.com")
	id := b.connect(owner)
	viewer, trader := b.member(owner, "v@example.com", "viewer"), b.member(owner, "t@example.com", "trader")
	shown := b.call("GET", accounts+"/"+id, viewer, "").want(200, `"state":"checking"`, `"key_hint":"wxyz"`, `"checked_at":null`).Body +
		b.call("GET", accounts, trader, "").want(200, id).Body + b.log.String()
	if strings.Contains(shown, "canary") {
		t.Errorf("a key is shown in %s", shown)
	}
	r := b.call("POST", accounts, owner, `{"name":"","venue":"luno","key_id":"a b","secret":""}`).want(422)
	if got := strings.Join(r.pointers(), " "); !strings.Contains(got, "/name") || !strings.Contains(got, "/secret") {
		t.Errorf("faulty fields = %q: %s", got, r.Body)
	}
	b.call("POST", accounts, owner, `{"name":"x","venue":"nyse","key_id":"a b","secret":"canary"}`).want(422, "/venue", "/key_id")
	for _, token := range []string{viewer, trader} {
		b.call("POST", accounts, token, `{"name":"x","venue":"luno","key_id":"k","secret":"s"}`).want(403, `"permission":"accounts.write"`)
		b.call("POST", accounts+"/"+id+"/check", token, "").want(403)
		b.call("PUT", accounts+"/"+id+"/key", token, `{"key_id":"k","secret":"s"}`).want(403)
		b.call("DELETE", accounts+"/"+id, token, "").want(403)
	}
	b.call("PUT", accounts+"/"+id+"/key", owner, `{"key_id":"a b","secret":"canary"}`).want(422, "/key_id")
	b.call("PUT", accounts+"/"+id+"/key", owner, `{"key_id":"canarykeyabcd","secret":"canary"}`).want(200, `"state":"checking"`, `"key_hint":"abcd"`)
	b.call("PUT", accounts+"/"+id+"/key", b.register("eve@example.com"), `{"key_id":"k","secret":"s"}`).want(404, `"code":"account_not_found"`)
	// proves E1, E6, E9: the plan says how many; a refusal leaves nothing, and an account that is gone makes room.
	b.call("POST", accounts, owner, `{"name":"One more","venue":"luno","key_id":"anotherkey","secret":"s"}`).
		want(403, `"code":"limit_exceeded"`, `"feature":"exchange_accounts"`, `"limit":1`, `"upgrade"`)
	b.call("POST", accounts+"/"+id+"/check", owner, "").want(200, `"state":"checking"`)
	b.call("DELETE", accounts+"/"+id, owner, "").want(204)
	b.call("GET", accounts+"/"+id, owner, "").want(404, `"code":"account_not_found"`)
	if again := b.connect(owner); strings.Contains(b.call("GET", accounts, owner, "").want(200, again).Body, "One more") {
		t.Error("a refused account is listed")
	}
}

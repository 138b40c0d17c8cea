package api_test

import (
	"strings"
	"testing"
	"time"
)

func TestAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reg := b.call("POST", "/api/v1/auth/register", "",
		`{"email":"Ada@Example.com","password":"correct horse battery","first_name":"Ada","last_name":"Lovelace"}`).want(201)
	if reg.text("user", "email") != "ada@example.com" || reg.text("user", "role") != "owner" || reg.text("token_type") != "Bearer" ||
		reg.get("expires_in") != 900.0 || reg.text("refresh_token") == "" {
		t.Errorf("registration = %s", reg.Body)
	}
	log := b.call("POST", "/api/v1/auth/login", "", `{"email":"ada@example.com","password":"correct horse battery"}`).want(200)
	token := log.text("access_token")
	b.call("GET", "/api/v1/auth/me", token, "").want(200, `"email":"ada@example.com"`, `"first_name":"Ada"`, `"tenant_id":"`)
	again := b.call("POST", "/api/v1/auth/refresh", "", `{"refresh_token":"`+log.text("refresh_token")+`"}`).want(200)
	if again.text("refresh_token") == log.text("refresh_token") {
		t.Error("the refresh token was not replaced")
	}
	out := b.call("POST", "/api/v1/auth/logout", token, "").want(204)
	if out.Body != "" {
		t.Errorf("body of a 204: %q", out.Body)
	}
	b.call("GET", "/api/v1/auth/me", token, "").want(401, `"code":"session_ended"`)
	b.call("GET", "/api/v1/auth/me", reg.text("access_token"), "").want(200)
}

func TestRegistrationRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register("ada@example.com")
	b.call("POST", "/api/v1/auth/register", "", `{"email":"ada@example.com","password":"correct horse battery","first_name":"","last_name":""}`).
		want(409, `"code":"email_taken"`, `/docs#problem-conflict`)
	r := b.call("POST", "/api/v1/auth/register", "", `{"email":"nobody","password":"short","first_name":"`+strings.Repeat("x", 101)+`"}`).want(422)
	if got := strings.Join(r.pointers(), " "); got != "/password /first_name /email" {
		t.Errorf("faulty fields = %q, want all three: %s", got, r.Body)
	}
	if strings.Contains(b.log.String(), "correct horse") || strings.Contains(r.Body, "short\"") {
		t.Error("a password was shown")
	}
}

// A user is the same whoever tells of them: the databases keep microseconds.
func TestUserIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.Move(123456789 * time.Nanosecond)
	made := b.call("POST", "/api/v1/auth/register", "", `{"email":"ada@example.com","password":"correct horse battery"}`).want(201)
	me := b.call("GET", "/api/v1/auth/me", made.text("access_token"), "").want(200)
	if was, is := made.text("user", "created_at"), me.text("created_at"); was != is || !strings.Contains(was, ".123456Z") {
		t.Errorf("created_at was %q and is %q", was, is)
	}
}

// proves L3: unknown address and wrong password look the same.
func TestLoginRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register("ada@example.com")
	unknown := b.call("POST", "/api/v1/auth/login", "", `{"email":"bob@example.com","password":"wrong wrong"}`).want(401)
	wrong := b.call("POST", "/api/v1/auth/login", "", `{"email":"ada@example.com","password":"wrong wrong"}`).want(401)
	for _, member := range []string{"type", "title", "detail", "code"} {
		if unknown.text(member) != wrong.text(member) {
			t.Errorf("%s differs: %q and %q", member, unknown.text(member), wrong.text(member))
		}
	}
	if wrong.Header.Get("WWW-Authenticate") == "" {
		t.Error("a 401 without WWW-Authenticate")
	}
	var last reply
	for range 12 {
		last = b.call("POST", "/api/v1/auth/login", "", `{"email":"ada@example.com","password":"wrong wrong"}`)
	}
	last.want(429, `"code":"too_many_attempts"`, "rate-limited")
	if last.Header.Get("Retry-After") == "" {
		t.Error("a 429 without Retry-After")
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	cases := map[string]struct {
		headers []string
		code    string
	}{
		"none":         {nil, "token_missing"},
		"other scheme": {[]string{"Authorization", "Basic " + token}, "token_missing"},
		"no token":     {[]string{"Authorization", "Bearer "}, "token_missing"},
		"cookie":       {[]string{"Cookie", "access_token=" + token + "; __Host-session=" + token}, "token_missing"}, // proves C3
		"garbage":      {[]string{"Authorization", "Bearer a.b.c"}, "token_invalid"},
		"cut":          {[]string{"Authorization", "Bearer " + token[:len(token)-2]}, "token_invalid"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.with(t).call("GET", "/api/v1/auth/me", "", "", c.headers...).want(401, `"code":"`+c.code+`"`, "unauthenticated")
		})
	}
}

func TestTokenExpires(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.call("GET", "/api/v1/auth/me", "", "", "Authorization", "bearer "+token).want(200)
	b.clock.Move(16 * time.Minute)
	b.call("GET", "/api/v1/auth/me", token, "").want(401, `"code":"token_expired"`)
}

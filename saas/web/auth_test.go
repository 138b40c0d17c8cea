package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/tenancy"
)

func TestSignUp(t *testing.T) {
	t.Parallel()
	good := func(change url.Values) url.Values {
		form := url.Values{"email": {"new@example.com"}, "password": {"correct horse battery"}, "first_name": {"New"}, "last_name": {"Comer"}}
		for k, v := range change {
			form[k] = v
		}
		return form
	}
	cases := map[string]struct {
		form   url.Values
		status int
		want   string
	}{
		"good":           {good(nil), http.StatusSeeOther, ""},
		"short password": {good(url.Values{"password": {"short"}}), http.StatusUnprocessableEntity, "Must have at least 8 characters."},
		"no address":     {good(url.Values{"email": {"nobody"}}), http.StatusUnprocessableEntity, "Must be an e-mail address."},
		"taken":          {good(url.Values{"email": {"ada@example.com"}}), http.StatusConflict, `value="ada@example.com"`},
		"hostile":        {good(url.Values{"email": {"x"}, "first_name": {`"><script>alert(1)</script>`}}), http.StatusUnprocessableEntity, "&lt;script&gt;"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			server := serve(t, w.config())
			w.member(t, server, "ada@example.com")
			a := visit(t, server).post("/signup", c.form)
			if a.status != c.status || !strings.Contains(a.body, c.want) {
				t.Errorf("%d without %q, want %d", a.status, c.want, c.status)
			}
			for _, never := range []string{"<script>alert", c.form.Get("password")} {
				if c.status != http.StatusSeeOther && strings.Contains(a.body, never) {
					t.Errorf("the page holds %q", never)
				}
			}
		})
	}
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	w.member(t, server, "ada@example.com")
	b := visit(t, server)
	if a := b.post("/signin", url.Values{"email": {"ada@example.com"}, "password": {"wrong"}}); a.status != http.StatusUnauthorized ||
		!strings.Contains(a.body, "The e-mail address or the password is wrong.") {
		t.Errorf("a wrong password: %d", a.status)
	}
	for next, want := range map[string]string{"/bots": "/bots", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/"} {
		a := visit(t, server).post("/signin", url.Values{"email": {"ada@example.com"}, "password": {"correct horse battery"}, "next": {next}})
		if a.status != http.StatusSeeOther || a.header.Get("Location") != want {
			t.Errorf("signing in for %q: %d to %q", next, a.status, a.header.Get("Location"))
		}
	}
	b.post("/signin", url.Values{"email": {"ada@example.com"}, "password": {"correct horse battery"}})
	if a := b.get("/bots"); a.status != http.StatusOK {
		t.Fatalf("signed in: %d", a.status)
	}
	b.post("/signout", nil)
	if a := b.get("/bots"); a.header.Get("Location") != "/signin?next=%2Fbots" {
		t.Errorf("signed out: to %q", a.header.Get("Location"))
	}
}

// Too many attempts are told as such, to people and to programs.
func TestSignInTooOften(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := visit(t, serve(t, w.config()))
	var a answer
	for range 12 {
		a = b.post("/signin", url.Values{"email": {"ada@example.com"}, "password": {"wrong"}})
	}
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("the twelfth attempt: %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
}

// A session cookie is out of reach of scripts, and bound to https and to the
// host where that is possible.
func TestSessionCookie(t *testing.T) { // proves C1
	t.Parallel()
	for _, secure := range []bool{false, true} {
		w := newWorld(t)
		cfg := w.config()
		cfg.Secure = secure
		a := visit(t, serve(t, cfg)).post("/signup", url.Values{"email": {"a@example.com"}, "password": {"correct horse battery"}})
		cookie := a.header.Get("Set-Cookie")
		wants := []string{"HttpOnly", "SameSite=Lax", "Path=/", "lunobot_session="}
		if secure {
			wants = append(wants, "__Host-lunobot_session=", "Secure")
		}
		for _, want := range wants {
			if !strings.Contains(cookie, want) {
				t.Errorf("secure %v: the cookie lacks %q", secure, want)
			}
		}
		if strings.Contains(cookie, "__Host-") != secure || strings.Contains(cookie, "Domain") {
			t.Errorf("secure %v: the wrong cookie", secure)
		}
	}
}

// An access token that has expired is renewed without anybody noticing; one
// whose refresh token has expired leads to the sign-in page.
func TestSessionIsRenewed(t *testing.T) { // proves S7
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	w.pass(time.Hour)
	a := ada.get("/bots")
	if a.status != http.StatusOK || a.header.Get("Set-Cookie") == "" {
		t.Fatalf("after an hour: %d, cookie %q", a.status, a.header.Get("Set-Cookie"))
	}
	if a := ada.get("/bots"); a.status != http.StatusOK || a.header.Get("Set-Cookie") != "" {
		t.Errorf("at once again: %d, cookie %q", a.status, a.header.Get("Set-Cookie"))
	}
	w.pass(60 * 24 * time.Hour)
	if a := ada.get("/bots"); a.status != http.StatusSeeOther || !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("after two months: %d, cookie %q", a.status, a.header.Get("Set-Cookie"))
	}
}

// A page of another site cannot act for a member.
func TestCrossOrigin(t *testing.T) { // proves C2
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	id := ada.newBot("First")
	for name, header := range map[string]map[string]string{
		"fetch metadata": {"Sec-Fetch-Site": "cross-site"}, "same site": {"Sec-Fetch-Site": "same-site"}, "origin": {"Origin": "https://evil.example"},
	} {
		a := ada.do(http.MethodPost, "/bots/"+id+"/delete", url.Values{"name": {"First"}}, header)
		if a.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if a := ada.get("/bots/" + id); a.status != http.StatusOK {
		t.Errorf("the bot afterwards: %d", a.status)
	}
	// GET changes nothing (rule C4).
	if a := ada.get("/bots/" + id + "/start"); a.status == http.StatusOK || a.status == http.StatusSeeOther {
		t.Errorf("starting with GET: %d", a.status)
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := visit(t, serve(t, w.config()))
	a := b.get("/signin")
	if csp := a.header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
	for _, inline := range []string{"<style", " style=", "onclick=", "javascript:"} {
		if strings.Contains(a.body, inline) {
			t.Errorf("the page holds %q", inline)
		}
	}
	_, rest, _ := strings.Cut(a.body, `href="/assets/`)
	path, _, _ := strings.Cut(rest, `"`)
	if a := b.get("/assets/" + path); a.status != http.StatusOK || !strings.Contains(a.header.Get("Cache-Control"), "immutable") {
		t.Errorf("an asset: %d, cache %q", a.status, a.header.Get("Cache-Control"))
	}
	hash, _, _ := strings.Cut(path, "/")
	if a := b.get("/assets/" + hash + "/../../doc.go"); a.status == http.StatusOK {
		t.Error("a path leads out of the assets")
	}
}

func TestAdministratorLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	token, ok, err := w.people.AdminLink(t.Context())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	form := url.Values{"email": {"root@example.com"}, "password": {"correct horse battery"}}
	b := visit(t, server)
	if a := b.get("/setup/" + token); a.status != http.StatusOK {
		t.Errorf("the form: %d", a.status)
	}
	if a := b.post("/setup/"+token, form); a.status != http.StatusSeeOther || a.header.Get("Location") != "/welcome" {
		t.Errorf("creating: %d to %q", a.status, a.header.Get("Location"))
	}
	form.Set("email", "second@example.com")
	if a := visit(t, server).post("/setup/"+token, form); a.status != http.StatusNotFound || !strings.Contains(a.body, "has been used") {
		t.Errorf("the second use: %d", a.status)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	if a := ada.post("/settings/profile", url.Values{"first_name": {"Augusta"}, "last_name": {"King"}}); a.status != http.StatusSeeOther {
		t.Errorf("the profile: %d", a.status)
	}
	if a := ada.get("/settings?notice=saved"); !strings.Contains(a.body, "Augusta King") || !strings.Contains(a.body, "have been saved") {
		t.Error("the profile was not saved")
	}
	if a := ada.post("/settings/password", url.Values{"current_password": {"wrong"}, "new_password": {"another good phrase"}}); a.status != http.StatusUnprocessableEntity ||
		!strings.Contains(a.body, "Is not your password.") {
		t.Errorf("a wrong password: %d", a.status)
	}
	other := visit(t, server)
	other.post("/signin", url.Values{"email": {"ada@example.com"}, "password": {"correct horse battery"}})
	sessions, err := w.people.Sessions(t.Context(), ada.who)
	if err != nil {
		t.Fatal(err)
	}
	if a := ada.post("/settings/sessions/"+sessions[0].ID+"/revoke", nil); a.status != http.StatusSeeOther {
		t.Errorf("ending a session: %d", a.status)
	}
	if a := other.get("/bots"); a.status != http.StatusSeeOther {
		t.Errorf("the ended session: %d", a.status)
	}
	eve := w.member(t, server, "eve@example.com")
	if a := eve.post("/settings/sessions/"+sessions[1].ID+"/revoke", nil); a.status != http.StatusNotFound {
		t.Errorf("ending somebody else's session: %d", a.status)
	}
	if a := ada.post("/settings/password", url.Values{"current_password": {"correct horse battery"}, "new_password": {"another good phrase"}}); a.status != http.StatusSeeOther {
		t.Errorf("changing the password: %d", a.status)
	}
	if _, err := w.people.Login(t.Context(), tenancy.LoginInput{Email: "ada@example.com", Password: "another good phrase"}); err != nil {
		t.Error(err)
	}
}

func TestLookIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := visit(t, serve(t, w.config()))
	a := b.post("/look", url.Values{"theme": {"dark"}, "palette": {"contrast"}, "next": {"//evil.example"}})
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
		t.Errorf("choosing: %d to %q", a.status, a.header.Get("Location"))
	}
	b.post("/look", url.Values{"rail": {"narrow"}, "palette": {`"><script>`}})
	if a := b.get("/signin"); !strings.Contains(a.body, `data-theme="dark" data-palette="default" data-rail="narrow"`) {
		t.Error("the choice was not kept")
	}
}

package saas_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/tenancy"
)

// The page of the catalog shows what a real server contains, was given and runs.
func TestCatalogPageOfAServer(t *testing.T) {
	t.Parallel()
	s := openShop(t, dbtest.SQLiteURL(t), pulse(t, "1.0.0"))
	b := s.create(bot.CreateInput{Strategy: "pulse", Parameters: []byte(`{"every":1}`)})
	s.begin(b)
	s.trades(b)
	p, err := s.app.Host().Process(t.Context(), "pulse@1.0.0", "shared")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.app.Tenancy().CreateAdmin(t.Context(), tenancy.RegisterInput{
		Email: "root@example.com", Password: "a long enough phrase", FirstName: "Grace", LastName: "Hopper",
	}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.app.Handler())
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	read := func(method, path string, form url.Values) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		raw, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%d, %v: %s", res.StatusCode, err, raw)
		}
		return string(raw)
	}
	read(http.MethodPost, "/signin", url.Values{"email": {"root@example.com"}, "password": {"a long enough phrase"}})
	page := read(http.MethodGet, "/admin/strategies", nil)
	for _, want := range []string{
		"pulse@1.0.0", "1 bot, 1 running", ">approved<", ">Built in<", `<td data-label="Process">` + p.ID() + "</td>", "all that share it", "Sandbox on this server",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in %s", want, page)
		}
	}
}

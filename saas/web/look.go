package web

import (
	"net/http"
	"slices"
	"strings"
)

// lookCookie keeps how a person wants the pages to look in this browser.
const lookCookie = "lunobot_look"

// look is how the pages look; each field is one of its choices.
type look struct {
	// Theme is "auto" (the system's), "light" or "dark".
	Theme string
	// Palette is "default" (green and red) or "contrast" (blue and orange).
	Palette string
	// Rail is "auto" (by the width of the window) or "narrow".
	Rail string
}

func themes() []string   { return []string{"auto", "light", "dark"} }
func palettes() []string { return []string{"default", "contrast"} }
func rails() []string    { return []string{"auto", "narrow"} }

// choose returns the choice if it is one, else the first.
func choose(choices []string, choice string) string {
	if slices.Contains(choices, choice) {
		return choice
	}
	return choices[0]
}

func readLook(r *http.Request) look {
	var parts []string
	if c, err := r.Cookie(lookCookie); err == nil {
		parts = strings.Split(c.Value, ".")
	}
	parts = append(parts, "", "", "")
	return look{Theme: choose(themes(), parts[0]), Palette: choose(palettes(), parts[1]), Rail: choose(rails(), parts[2])}
}

// setLook changes what the form names and leaves the rest.
func (w *Web) setLook(rq *request) error {
	l := rq.look
	for name, field := range map[string]struct {
		value   *string
		choices []string
	}{
		"theme": {&l.Theme, themes()}, "palette": {&l.Palette, palettes()}, "rail": {&l.Rail, rails()},
	} {
		if given := rq.PostFormValue(name); given != "" {
			*field.value = choose(field.choices, given)
		}
	}
	http.SetCookie(rq.w, &http.Cookie{ //nolint:gosec // Secure follows the address that people use
		Name: lookCookie, Value: l.Theme + "." + l.Palette + "." + l.Rail, Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: w.cfg.Secure, SameSite: http.SameSiteLaxMode,
	})
	if rq.Header.Get("Sec-Fetch-Mode") == "cors" || rq.Header.Get("Sec-Fetch-Mode") == "same-origin" {
		rq.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return rq.redirect(localPath(rq.PostFormValue("next")))
}

// Package webtest opens pages in a real headless Chromium for tests.
//
// It owns the browser's life and what the browser has to say against a page:
// uncaught exceptions, errors and warnings on the console, violations of the
// content security policy. It does not own any page.
//
// Without Chromium a test is skipped with a message, and fails where
// LUNOBOT_REQUIRE_SERVICES=1 says that it must be there.
//
// Smallest use:
//
//	tab := webtest.Open(t)
//	tab.Run(chromedp.Navigate(url))
//	tab.Wait("the chart is drawn", `document.querySelector("#chart canvas")`)
//	tab.Check()
package webtest

using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Delivery;

public sealed class OrderingTests
{
    [Theory, OnEachStore]
    public async Task Events_of_one_key_come_one_after_another_while_others_go_on(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync("""{"delivery":{"ordering_key":"/order/id"}}""");
        await using var connected = await relay.ConnectAsync(agent);

        var first = await relay.QueueAsync(agent, """{"order":{"id":7},"step":1}""");
        var second = await relay.QueueAsync(agent, """{"order":{"id":7},"step":2}""");
        var other = await relay.QueueAsync(agent, """{"order":{"id":8},"step":1}""");

        Assert.Equal([first, other], await connected.ReceiveWebhookIdsAsync(2));
        await connected.AssertSilentAsync();
        await connected.AckAsync(first);
        Assert.Equal(second, (await connected.ReceiveWebhookAsync()).Id);
    }

    [Theory, OnEachStore]
    public async Task A_key_that_fails_waits_alone_until_it_is_given_up(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        relay.Logs.Expect(1101);
        var agent = await relay.RegisterAsync("""{"delivery":{"ordering_key":"x-account","max_attempts":2}}""");
        await using var connected = await relay.ConnectAsync(agent);
        var poison = await PostAsync(relay, agent, "a");
        var blocked = await PostAsync(relay, agent, "a");
        var free = await PostAsync(relay, agent, "b");

        Assert.Equal([poison, free], await connected.ReceiveWebhookIdsAsync(2));
        await connected.SendAsync($$"""{"type":"nack","id":"{{poison}}"}""");
        await relay.WhenAsync(agent, poison, EventState.Waiting);
        await connected.AckAsync(free);
        await connected.AssertSilentAsync();

        Assert.Equal(poison, (await relay.AdvanceUntilAsync(connected.ReceiveWebhookAsync())).Id);
        await connected.SendAsync($$"""{"type":"nack","id":"{{poison}}"}""");
        Assert.Equal(blocked, (await relay.AdvanceUntilAsync(connected.ReceiveWebhookAsync())).Id);
    }

    [Theory, OnEachStore]
    public async Task Under_load_no_key_is_ever_in_flight_twice_and_each_is_in_order(string store)
    {
        const int Keys = 5;
        const int Each = 40;
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync("""{"delivery":{"ordering_key":"/k"}}""");
        await using var connected = await relay.ConnectAsync(agent);
        var senders = Enumerable.Range(0, Keys).Select(async key =>
        {
            for (var i = 0; i < Each; i++) await relay.QueueAsync(agent, $$"""{"k":"{{key}}","i":{{i}}}""");
        });
        var sent = Task.WhenAll(senders);

        var next = new int[Keys];
        var inFlight = new HashSet<int>();
        Queue<(string Id, int Key)> unacknowledged = new();
        for (var received = 0; received < Keys * Each; received++)
        {
            var webhook = await connected.ReceiveWebhookAsync();
            var payload = JsonElement.Parse(webhook.Payload.Span);
            var key = int.Parse(payload.GetProperty("k").GetString()!, CultureInfo.InvariantCulture);
            Assert.True(inFlight.Add(key), $"Key {key} is in flight twice.");
            Assert.Equal(next[key]++, payload.GetProperty("i").GetInt32());
            unacknowledged.Enqueue((webhook.Id, key));
            var canMoreCome = Enumerable.Range(0, Keys).Any(free => next[free] < Each && !inFlight.Contains(free));
            if (unacknowledged.Count < 3 && canMoreCome) continue;

            while (unacknowledged.TryDequeue(out var done))
            {
                inFlight.Remove(done.Key);
                await connected.AckAsync(done.Id);
            }
        }

        await sent;
    }

    [Theory]
    [InlineData("""{"ordering_key":""}""")]
    [InlineData("""{"ordering_key":7}""")]
    [InlineData("""{"ordering_key":"two words"}""")]
    [InlineData("""{"ordering_key":"/a~2b"}""")]
    [InlineData("""{"ordering_key":"/a~"}""")]
    public async Task A_place_that_cannot_be_is_refused(string delivery)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        using var response = await relay.AdminAsync(HttpMethod.Post, "/api/v1/register", $$"""{"delivery":{{delivery}}}""");

        var error = await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest);
        Assert.Contains("ordering_key", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_setting_is_shown_and_can_be_reset()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync("""{"delivery":{"ordering_key":"/a~1b"}}""");

        Assert.Equal("/a~1b", (await relay.ShowAsync(agent)).GetProperty("delivery").GetProperty("ordering_key").GetString());
        await relay.PatchAsync(agent, """{"delivery":{"ordering_key":null}}""");
        Assert.False((await relay.ShowAsync(agent)).GetProperty("delivery").TryGetProperty("ordering_key", out var shown) && shown.GetString() is not null);
    }

    [Theory]
    [InlineData("/a", """{"a":"x"}""", """{"b":1,"a":"\u0078"}""", true)]
    [InlineData("/a", """{"a":1}""", """{"a":1,"b":2}""", true)]
    [InlineData("/a", """{"a":"1"}""", """{"a":"2"}""", false)]
    [InlineData("/a~1b/~0", """{"a/b":{"~":true}}""", """{"a/b":{"~":true},"c":0}""", true)]
    [InlineData("/list/1/id", """{"list":[{},{"id":"z"}]}""", """{"list":[{"id":"y"},{"id":"z"}]}""", true)]
    public void Values_are_compared_by_what_they_say(string place, string one, string another, bool same)
    {
        var (a, b) = (Find(place, one), Find(place, another));

        Assert.NotNull(a);
        Assert.NotNull(b);
        Assert.Equal(same, a.AsSpan().SequenceEqual(b));
    }

    [Theory]
    [InlineData("/a", "")]
    [InlineData("/a", "no json")]
    [InlineData("/a", "[1]")]
    [InlineData("/a", """{"a":null}""")]
    [InlineData("/a", """{"b":1}""")]
    [InlineData("/a", """{"a":"\ud800"}""")]
    [InlineData("/a/b", """{"a":"x"}""")]
    [InlineData("/a/9", """{"a":[1]}""")]
    [InlineData("/a/99999999999999", """{"a":[1]}""")]
    [InlineData("x-missing", """{"a":1}""")]
    public void An_event_without_the_value_waits_for_nothing(string place, string body) => Assert.Null(Find(place, body));

    [Fact]
    public void Header_names_are_compared_without_case_and_never_met_by_a_body_with_the_same_value()
    {
        Assert.Equal(Find("X-Account", ""), Find("X-Account", "other body"));
        Assert.NotNull(Find("X-Account", ""));
        Assert.NotEqual(Find("X-Account", ""), Find("/a", """{"a":"acme"}"""));
    }

    private static byte[]? Find(string place, string body) =>
        OrderingKey.Find(place, """{"method":"POST","path":"/","query":"","headers":{"x-account":"acme"}}"""u8.ToArray(), Encoding.UTF8.GetBytes(body));

    private static async Task<string> PostAsync(RelayHost relay, RegisterResponse agent, string account)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}");
        request.Headers.Add("X-Account", account);
        using var response = await relay.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        return (await RelayHost.ReadJsonAsync(response)).GetProperty("id").GetString()!;
    }
}

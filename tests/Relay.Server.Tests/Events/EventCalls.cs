using System.Net;
using System.Text;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Events;

/// <summary>Calls of the admin and of agents to the endpoints that show and repeat.</summary>
internal static class EventCalls
{
    /// <param name="host">The server.</param>
    /// <param name="path">Below <c>/api/v1</c>.</param>
    /// <param name="agent">Whose key goes along; null: the admin's.</param>
    public static Task<HttpResponseMessage> GetAsync(this RelayHost host, string path, RegisterResponse? agent = null) =>
        host.SendAsync(HttpMethod.Get, path, agent, body: null);

    public static Task<HttpResponseMessage> PostAsync(this RelayHost host, string path, string? body = null, RegisterResponse? agent = null) =>
        host.SendAsync(HttpMethod.Post, path, agent, body);

    public static async Task<JsonElement> GetJsonAsync(this RelayHost host, string path, RegisterResponse? agent = null)
    {
        using var response = await host.GetAsync(path, agent);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await RelayHost.ReadJsonAsync(response);
    }

    public static async Task<string[]> ListIdsAsync(this RelayHost host, RegisterResponse agent, string query = "") =>
        [.. (await host.GetJsonAsync($"agents/{agent.RelayId}/events{query}", agent)).GetProperty("events").EnumerateArray().Select(one => one.GetProperty("id").GetString()!)];

    /// <summary>Has the agent's next event end as a dead letter.</summary>
    public static async Task<string> DeadLetterAsync(this RelayHost host, RegisterResponse agent, string json = "{}", string? reason = null)
    {
        await using var connected = await host.ConnectAsync(agent);
        var id = await host.QueueAsync(agent, json);
        await connected.ReceiveWebhookAsync();
        await connected.SendAsync(JsonSerializer.Serialize(new { type = "nack", id, reason, dead_letter = true }));
        await host.WhenAsync(agent, id, EventState.Dead);
        return id;
    }

    public static async Task<string> DeliverAsync(this RelayHost host, RegisterResponse agent, string json = "{}")
    {
        await using var connected = await host.ConnectAsync(agent);
        var id = await host.QueueAsync(agent, json);
        await connected.ReceiveWebhookAsync();
        await connected.AckAsync(id);
        await host.WhenAsync(agent, id, EventState.Delivered);
        return id;
    }

    /// <summary>Acknowledges the agent's next event.</summary>
    public static async Task DeliverQueuedAsync(this RelayHost host, RegisterResponse agent)
    {
        await using var connected = await host.ConnectAsync(agent);
        var id = (await connected.ReceiveWebhookAsync()).Id;
        await connected.AckAsync(id);
        await host.WhenAsync(agent, id, EventState.Delivered);
    }

    private static async Task<HttpResponseMessage> SendAsync(this RelayHost host, HttpMethod method, string path, RegisterResponse? agent, string? body)
    {
        using var request = new HttpRequestMessage(method, new Uri($"/api/v1/{path}", UriKind.Relative));
        if (agent is null)
        {
            request.Headers.Add("X-Admin-Key", RelayHost.AdminKey);
        }
        else
        {
            request.Headers.Add("Authorization", $"Bearer {agent.ApiKey}");
        }

        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        return await host.Http.SendAsync(request);
    }
}

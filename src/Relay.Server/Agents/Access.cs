using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Http;

namespace Relay.Server.Agents;

/// <summary>Who makes a call: the admin, by <c>X-Admin-Key</c>, or an agent, by its api key as Bearer. Any thread.</summary>
internal sealed class Access(IOptions<RelayOptions> options, AgentDirectory agents)
{
    public const string AdminHeader = "X-Admin-Key";

    private const string Bearer = "Bearer ";
    private readonly byte[] _adminKeyHash = SHA256.HashData(Encoding.UTF8.GetBytes(options.Value.AdminKey!));

    /// <summary>Whether the request carries the admin key, compared in constant time.</summary>
    public bool IsAdmin(HttpRequest request) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(HeaderText.Decode(request.Headers[AdminHeader].ToString()))), _adminKeyHash);

    /// <summary>The active agent whose api key the request carries; null without a key or with a wrong one.</summary>
    public async ValueTask<Agent?> FindAgentAsync(HttpRequest request) =>
        FindKey(request) is { } key ? await agents.FindByKeyAsync(key, request.HttpContext.RequestAborted) : null;

    /// <summary>The api key that the request carries; null without one or with one that cannot be.</summary>
    public static ApiKey? FindKey(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) && ApiKey.TryParse(header[Bearer.Length..].Trim(), out var key) ? key : null;
    }
}

/// <summary>Lets the admin pass.</summary>
internal sealed class AdminFilter(Access access) : IEndpointFilter
{
    public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        access.IsAdmin(context.HttpContext.Request)
            ? next(context)
            : new ValueTask<object?>(new ErrorResult(
                StatusCodes.Status401Unauthorized, ErrorCodes.InvalidAdminKey, $"This call needs the admin key in the header {Access.AdminHeader}."));
}

/// <summary>
/// Lets the admin pass, and the agent that the route names as <c>relayId</c>. To any other agent that one is as unknown as one that does
/// not exist.
/// </summary>
internal sealed class AdminOrAgentFilter(Access access) : IEndpointFilter
{
    public const string RouteValue = "relayId";

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var request = context.HttpContext.Request;
        if (access.IsAdmin(request))
        {
            return await next(context);
        }

        if (await access.FindAgentAsync(request) is not { } agent)
        {
            return Failures.NoKey();
        }

        return request.RouteValues[RouteValue] is string id && id == agent.Id.Value ? await next(context) : Failures.UnknownRelayId();
    }
}

/// <summary>Lets the agent pass that the route names as <c>relayId</c>, by its own key, and makes it a feature of the request.</summary>
internal sealed class AgentFilter(Access access) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var request = context.HttpContext.Request;
        if (await access.FindAgentAsync(request) is not { } agent)
        {
            return new ErrorResult(StatusCodes.Status401Unauthorized, ErrorCodes.InvalidApiKey, "This call needs the agent's api key as Bearer.");
        }

        context.HttpContext.Features.Set(agent);
        return request.RouteValues[AdminOrAgentFilter.RouteValue] is string id && id == agent.Id.Value ? await next(context) : Failures.UnknownRelayId();
    }
}

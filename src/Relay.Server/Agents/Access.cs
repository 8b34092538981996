using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Admin;
using Relay.Server.Audit;
using Relay.Server.Http;
using Relay.Server.Limits;

namespace Relay.Server.Agents;

/// <summary>Who makes a call: an administrator, by <c>X-Admin-Key</c>, or an agent, by its api key as Bearer. Any thread.</summary>
internal sealed class Access(IOptions<RelayOptions> options, AdminKeys adminKeys, AgentDirectory agents, AuditTrail audit)
{
    public const string AdminHeader = "X-Admin-Key";

    private const string Bearer = "Bearer ";
    private readonly byte[] _adminKeyHash = SHA256.HashData(Encoding.UTF8.GetBytes(options.Value.AdminKey!));

    /// <summary>
    /// The administrator who makes the call, who becomes a feature of the request. <see cref="NeededRole"/> says which role the call needs.
    /// </summary>
    /// <returns>Neither without a key that opens something; a fault when its role is too small.</returns>
    public async ValueTask<(AdminCaller? Admin, ErrorResult? Fault)> FindAdminAsync(HttpContext context)
    {
        var header = context.Request.Headers[AdminHeader];
        if (header.Count == 0)
        {
            return (null, null);
        }

        var found = await FindAdminAsync(HeaderText.Decode(header.ToString()));
        await TellAsync(context.Features.Get<PresentedKeys>()?.Admin, isRight: found is not null, mayDoEverything: found?.Role == AdminRole.Admin);
        if (found is not { } admin)
        {
            await audit.RefusedAsync(context, admin: null, ErrorCodes.InvalidAdminKey);
            return (null, null);
        }

        context.Features.Set(admin);
        return await RefuseAsync(context, admin, NeededRole.Of(context)) is { } fault ? (null, fault) : (admin, null);
    }

    /// <returns>Null: the administrator's role is enough.</returns>
    public async ValueTask<ErrorResult?> RefuseAsync(HttpContext context, AdminCaller admin, AdminRole needed)
    {
        if (admin.Role >= needed)
        {
            return null;
        }

        await audit.RefusedAsync(context, admin, ErrorCodes.Forbidden);
        return new ErrorResult(
            StatusCodes.Status403Forbidden,
            ErrorCodes.Forbidden,
            $"This call needs the role {needed.Text()}, and this admin key has the role {admin.Role.Text()}. Use another key.");
    }

    /// <summary>The api key that the request carries; null without one or with one that cannot be.</summary>
    public static ApiKey? FindKey(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) && ApiKey.TryParse(header[Bearer.Length..].Trim(), out var key) ? key : null;
    }

    /// <summary>The active agent whose api key the request carries; null without a key or with one that opens nothing.</summary>
    public async ValueTask<Agent?> FindAgentAsync(HttpRequest request)
    {
        var agent = FindKey(request) is { } key ? await agents.FindByKeyAsync(key, request.HttpContext.RequestAborted) : null;
        await TellAsync(request.HttpContext.Features.Get<PresentedKeys>()?.Agent, isRight: agent is not null);
        return agent;
    }

    /// <summary>For calls that administrators and agents make.</summary>
    public async ValueTask<Visitor> AdmitAsync(HttpContext context)
    {
        var (admin, fault) = await FindAdminAsync(context);
        if (admin is not null || fault is not null)
        {
            return new Visitor(admin, Agent: null, fault);
        }

        return await FindAgentAsync(context.Request) is { } agent ? new Visitor(Admin: null, agent, Fault: null) : new Visitor(Admin: null, Agent: null, Failures.NoKey());
    }

    private async ValueTask<AdminCaller?> FindAdminAsync(string key)
    {
        if (CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(key)), _adminKeyHash))
        {
            return AdminCaller.Configured;
        }

        return await adminKeys.FindAsync(key) is { } found ? AdminCaller.Of(found) : null;
    }

    private static ValueTask TellAsync(AuthenticationGuard.PresentedKey? presented, bool isRight, bool mayDoEverything = false) =>
        presented is null ? default : isRight ? presented.WasRightAsync(mayDoEverything) : presented.WasWrongAsync();
}

/// <summary>Who makes a call; exactly one of the three.</summary>
/// <param name="Admin">An administrator whose role is enough.</param>
/// <param name="Agent">An agent.</param>
/// <param name="Fault">Nobody who may: what to answer.</param>
internal readonly record struct Visitor(AdminCaller? Admin, Agent? Agent, ErrorResult? Fault);

/// <summary>Lets administrators pass whose role is enough.</summary>
internal sealed class AdminFilter(Access access) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var (admin, fault) = await access.FindAdminAsync(context.HttpContext);
        return admin is not null ? await next(context) : fault ?? new ErrorResult(
            StatusCodes.Status401Unauthorized, ErrorCodes.InvalidAdminKey, $"This call needs an admin key in the header {Access.AdminHeader}, one that is not revoked or expired.");
    }
}

/// <summary>
/// Lets administrators pass whose role is enough, and the agent that the route names as <c>relayId</c>. To any other agent that one is as
/// unknown as one that does not exist.
/// </summary>
internal sealed class AdminOrAgentFilter(Access access) : IEndpointFilter
{
    public const string RouteValue = "relayId";

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var (admin, agent, fault) = await access.AdmitAsync(context.HttpContext);
        if (fault is not null)
        {
            return fault;
        }

        return admin is not null || (context.HttpContext.Request.RouteValues[RouteValue] is string id && id == agent!.Id.Value)
            ? await next(context)
            : Failures.UnknownRelayId();
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

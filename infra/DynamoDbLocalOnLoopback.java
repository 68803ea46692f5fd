import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import java.lang.reflect.Field;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/**
 * DynamoDB Local on a free port of 127.0.0.1, for as long as its standard input is open.
 *
 * <p>DynamoDB Local's own main listens on every interface and offers no option against it, so the connector is
 * changed before it opens. The port is printed once it is open. The end of standard input is the end of whoever
 * started this, however they ended.
 */
public final class DynamoDbLocalOnLoopback {
  public static void main(String[] arguments) throws Exception {
    DynamoDBProxyServer local = ServerRunner.createServerFromCommandLineArgs(arguments);
    Field jetty = DynamoDBProxyServer.class.getDeclaredField("server");
    jetty.setAccessible(true);
    ServerConnector connector = (ServerConnector) ((Server) jetty.get(local)).getConnectors()[0];
    connector.setHost("127.0.0.1");
    connector.setPort(0);
    local.start();
    System.out.println("listening on port " + connector.getLocalPort());
    System.setOut(System.err); // nobody reads the pipe from here on
    while (System.in.read() != -1) {
      // Nothing is ever sent.
    }
    local.stop();
    System.exit(0);
  }
}

0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.000 client1 at node1
2.000 partition node3 | rest
2.100 duplicate append node1->node2 after 60ms next 1
2.100 drop probe node1->node2 for 200ms
2.100 drop heartbeat node1->node2 for 200ms
2.100 delay matched node2->node1 by 100ms
2.100 client0 write r0 A
2.120 client1 write r0 B
      committed to 6
      client0 writes r0: done
      committed to 7
      client1 writes r0: done
4.000 heal
5.000 client2 at node2
5.000 client2 read r0
      client2 reads r0: B
       the faults stop for node1 node2 node3
       committed to 13
       held

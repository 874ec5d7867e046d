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
2.000 client2 at node1
2.000 client3 at node1
3.000 delay matched node3->node1 by 1.5s
3.000 delay matched node2->node1 by 250ms
3.000 delay snapshotChunk node1->node3 by 2s
3.000 reset node1<->node3 within 0s
3.300 drop probe node1->node3
3.300 drop append node1->node3 skip 2
3.300 client0 write r0 A
3.300 client1 write r1 B
3.300 client2 write r2 C
3.300 client3 write r3 D
      committed to 6
      client1 writes r1: done
      committed to 9
      client3 writes r3: done
      client0 writes r0: done
      client2 writes r2: done
4.200 drop heartbeat node1->node3
8.000 heal
       the faults stop for node1 node2 node3
       committed to 17
       held
